// Runs the examples of the documentation. Each ```sql block is run, in order, in one in-memory
// database that starts afresh at each heading of level 2; when a ```text block comes next, it is
// what the sqlite3 shell would print in list mode. An error prints as "Error: ..." and is allowed
// only where the text shows it. Blocks marked ```sql no-run are skipped.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

struct Example {
  int line;  // where its block opens, from 1
  std::string heading;
  std::string sql;
  std::optional<std::string> output;
};

// A fenced block's lines up to the closing fence.
std::string block(std::istream& in, int& line) {
  std::string text;
  for (std::string s; std::getline(in, s);) {
    ++line;
    if (s.rfind("```", 0) == 0) break;
    text += s + "\n";
  }
  return text;
}

std::vector<Example> examples(std::istream& in) {
  std::vector<Example> found;
  std::string heading, last_fence;
  int line = 0;
  for (std::string s; std::getline(in, s);) {
    ++line;
    if (s.rfind("## ", 0) == 0) heading = s;
    if (s.rfind("```", 0) != 0) continue;
    const int opened = line;
    const std::string text = block(in, line);
    if (s == "```sql") found.push_back({opened, heading, text, std::nullopt});
    if (s == "```text" && last_fence == "```sql") found.back().output = text;
    last_fence = s;
  }
  return found;
}

int append_row(void* out, int count, char** values, char**) {
  auto& text = *static_cast<std::string*>(out);
  for (int i = 0; i < count; ++i)
    text += std::string(i > 0 ? "|" : "") + (values[i] != nullptr ? values[i] : "");
  text += "\n";
  return 0;
}

std::string shell(Database& db, const std::string& sql) {
  std::string out;
  char* message = nullptr;
  if (sqlite3_exec(db.handle(), sql.c_str(), &append_row, &out, &message) != SQLITE_OK)
    out += std::string("Error: ") + (message != nullptr ? message : "unknown") + "\n";
  sqlite3_free(message);
  return out;
}

void run_examples(const std::string& file) {
  std::ifstream in(std::string(KINDRED_SOURCE_DIR) + "/" + file);
  if (!in) {
    WARN(file << " is not there");
    return;
  }
  // Files are named from the root of the sources.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(KINDRED_SOURCE_DIR);
  std::unique_ptr<Database> db;
  std::string heading = "none yet";
  for (const Example& example : examples(in)) {
    if (example.heading != heading) db = std::make_unique<Database>();
    heading = example.heading;
    INFO(file << ":" << example.line << "\n" << example.sql);
    const std::string printed = shell(*db, example.sql);
    if (example.output)
      CHECK(printed == *example.output);
    else
      CHECK(printed.find("Error: ") == std::string::npos);
  }
  std::filesystem::current_path(before);
}

}  // namespace

TEST_CASE("the examples of docs/sql.md print what it says", "[docs]") {
  run_examples("docs/sql.md");
}

TEST_CASE("the examples of docs/lesson.md print what it says", "[docs]") {
  run_examples("docs/lesson.md");
}

TEST_CASE("the examples of README.md print what it says", "[docs]") {
  run_examples("README.md");
}
