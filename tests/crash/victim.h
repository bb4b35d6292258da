// A database that is written to, crashed and looked at: an ordinary table and a collection that
// ought to hold the same rows, and which commits were acknowledged.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tests/support/mirror.h"

namespace kindred::test {

struct Mode {
  const char* journal;
  const char* synchronous;
};
inline constexpr Mode kModes[] = {{"WAL", "NORMAL"}, {"WAL", "FULL"}, {"DELETE", "FULL"}};

class Victim {
 public:
  // Makes the database.
  Victim(const std::string& path, const Mode& mode);

  const std::string& path() const { return path_; }
  const Mode& mode() const { return mode_; }

  void acknowledge(int64_t worker, int64_t commit);
  int64_t acknowledged() const;
  // Whether a connection, and with it the cache of what it has read, outlives the next crashes.
  void keep_open(bool open);

  // Each returns "" or what is wrong with the database. look() changes nothing.
  std::string look(Random& random);
  // Whether it can be written to, and whether the folder then holds what is named and no more.
  std::string go_on(Random& random);
  // Named segments whose file is not there: before a connection with the extension writes it anew.
  std::string missing_segment() const;

 private:
  std::string lost_rows(Database& db) const;
  std::string lost_commits(Database& db) const;
  std::string leftovers(Database& db) const;

  std::string path_;
  Mode mode_;
  Mirrored both_;
  std::unique_ptr<Database> watching_;
  std::map<int64_t, int64_t> acknowledged_;  // by worker
};

// Makes a database's segment files old enough to be swept.
void age_segments(const std::string& database);

}  // namespace kindred::test
