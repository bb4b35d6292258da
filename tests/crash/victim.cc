// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/victim.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>

namespace kindred::test {
namespace {

std::filesystem::path segment_folder(const std::string& database) {
  return database + "-kindred/segments";
}

// Of all collections.
std::set<std::string> named_files(Database& db) {
  std::set<std::string> files;
  for (const std::string& table :
       db.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%\\_segments' ESCAPE '\\'"))
    for (const std::string& segment : db.rows("SELECT segment FROM " + table))
      files.insert(segment + ".kin");
  return files;
}

}  // namespace

Victim::Victim(const std::string& path, const Mode& mode) : path_(path), mode_(mode) {
  Database db(path);
  db.run("PRAGMA journal_mode=" + std::string(mode.journal));
  both_ = make_mirrored(db, "items");
  db.run("CREATE TABLE commits(worker, n, PRIMARY KEY(worker, n))");
}

void Victim::acknowledge(int64_t worker, int64_t commit) {
  int64_t& newest = acknowledged_[worker];
  newest = std::max(newest, commit);
}

int64_t Victim::acknowledged() const {
  int64_t all = 0;
  for (const auto& [number, commits] : acknowledged_) all += commits;
  return all;
}

void Victim::keep_open(bool open) {
  if (!open) watching_.reset();
  if (open && !watching_) watching_ = std::make_unique<Database>(path_);
}

std::string Victim::look(Random& random) {
  Database fresh(path_);
  const Database::Parameter query = blob(random.vector(4, 1000));
  std::string wrong = all_differ(fresh, both_, query);
  if (wrong.empty() && watching_) wrong = seen_differ(*watching_, both_, query);
  if (wrong.empty()) wrong = lost_rows(fresh);
  if (wrong.empty()) wrong = lost_commits(fresh);
  if (wrong.empty()) wrong = fresh.error("INSERT INTO items(items) VALUES('integrity-check')");
  const std::string integrity = fresh.one("PRAGMA integrity_check");
  return wrong.empty() && integrity != "ok" ? integrity : wrong;
}

std::string Victim::go_on(Random& random) {
  age_segments(path_);
  Database fresh(path_);
  fresh.run("BEGIN IMMEDIATE");
  change_both(fresh, both_, random, 5);
  fresh.run("INSERT INTO items(items) VALUES('optimize')");
  fresh.run("COMMIT");
  std::string wrong = all_differ(fresh, both_, blob(random.vector(4, 1000)));
  if (wrong.empty()) wrong = leftovers(fresh);
  return wrong.empty() ? wrong : "going on: " + wrong;
}

std::string Victim::missing_segment() const {
  Database fresh(path_);
  for (const std::string& file : named_files(fresh))
    if (!std::filesystem::exists(segment_folder(path_) / file)) return "no file " + file;
  return "";
}

std::string Victim::leftovers(Database& db) const {
  std::set<std::string> files;
  std::error_code error;  // no folder, no files
  for (const auto& entry : std::filesystem::directory_iterator(segment_folder(path_), error))
    files.insert(entry.path().filename());
  const std::set<std::string> named = named_files(db);
  return files == named ? ""
                        : std::to_string(files.size()) + " segment files, " +
                              std::to_string(named.size()) + " named";
}

// Rows that knn() does not find by their own vector, at distance 0.
std::string Victim::lost_rows(Database& db) const {
  const std::string lost = db.one(
      "SELECT id FROM items_mirror AS m WHERE NOT EXISTS (SELECT 1 FROM "
      "knn('items', m.v) AS n WHERE n.rowid = m.id AND n.distance = 0)");
  return lost.empty() ? "" : "row " + lost + " is not found at distance 0";
}

std::string Victim::lost_commits(Database& db) const {
  for (const auto& [number, acknowledged] : acknowledged_) {
    const std::string where = " FROM commits WHERE worker = " + std::to_string(number);
    const int64_t count = std::stoll(db.one("SELECT count(*)" + where));
    const int64_t newest = std::stoll(db.one("SELECT ifnull(max(n), 0)" + where));
    if (count != newest || newest < acknowledged)
      return "worker " + std::to_string(number) + ": " + std::to_string(acknowledged) +
             " commits acknowledged, " + std::to_string(count) + " there, the last " +
             std::to_string(newest);
  }
  return "";
}

void age_segments(const std::string& database) {
  std::error_code error;  // a file may go meanwhile
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5);
  for (const auto& file : std::filesystem::directory_iterator(segment_folder(database), error))
    std::filesystem::last_write_time(file.path(), old, error);
}

}  // namespace kindred::test
