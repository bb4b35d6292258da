// Long commands: they say how far they are where somebody looks on, and stop when they are asked
// to.
//
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/sql_functions.h"
#include "tests/support/statement_ends.h"

using namespace kindred::test;

namespace {

using Clock = std::chrono::steady_clock;

// Stands in for stderr until the end of the scope.
class Stderr {
 public:
  // `other` is closed at the end.
  explicit Stderr(int other) : other_(other), before_(dup(STDERR_FILENO)) {
    dup2(other, STDERR_FILENO);
  }
  ~Stderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(other_);
  }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;

 private:
  int other_;
  int before_;
};

// What has been written, without waiting for more; closes the end that it reads from.
std::string read_all(int from) {
  std::string all;
  char buffer[4096];
  fcntl(from, F_SETFL, O_NONBLOCK);
  for (ssize_t got; (got = read(from, buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<size_t>(got));
  close(from);
  return all;
}

// Runs `sql` with a terminal for stderr. Returns what is written there.
std::string on_terminal(Database& db, const std::string& sql) {
  int ours = -1;
  int theirs = -1;
  if (openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
  const Stderr instead(theirs);
  db.run(sql);
  return read_all(ours);
}

std::string on_pipe(Database& db, const std::string& sql) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const Stderr instead(ends[1]);
  db.run(sql);
  return read_all(ends[0]);
}

// Makes each statement on the connection take its time, once: as if there were many rows.
class Slow {
 public:
  explicit Slow(Database& db) : db_(db) {
    sqlite3_progress_handler(db.handle(), 1000, &Slow::call, this);
  }
  ~Slow() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }
  Slow(const Slow&) = delete;
  Slow& operator=(const Slow&) = delete;

 private:
  static int call(void* self) {
    auto& me = *static_cast<Slow*>(self);
    while (Clock::now() < me.until_) {
    }
    return 0;
  }
  Database& db_;
  Clock::time_point until_ = Clock::now() + std::chrono::milliseconds(1300);
};

// Interrupts at the nth time that SQLite asks, every ten instructions.
struct InterruptAt {
  Database& db;
  int left;
  InterruptAt(Database& on, int nth) : db(on), left(nth) {
    sqlite3_progress_handler(
        db.handle(), 10,
        [](void* self) {
          auto& me = *static_cast<InterruptAt*>(self);
          if (--me.left == 0) sqlite3_interrupt(me.db.handle());
          return 0;
        },
        this);
  }
  ~InterruptAt() { sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr); }
};

// Texts, in a segment and in the log.
void fill(Database& db) {
  db.run(
      "CREATE VIRTUAL TABLE notes USING kindred(body, n INTEGER);"
      "INSERT INTO notes(body, n) SELECT 'note about subject ' || i, i FROM " +
      numbers(1500) +
      ";INSERT INTO notes(notes) VALUES('optimize');"
      "INSERT INTO notes(body, n) SELECT 'later note about ' || i, i FROM " +
      numbers(100));
}

std::string command(const std::string& name) {
  return "INSERT INTO notes(notes) VALUES('" + name + "')";
}

const std::string kAnswers =
    "SELECT group_concat(rowid || ':' || distance) FROM (SELECT * FROM knn('notes', 'subject 77', "
    "50))";

}  // namespace

TEST_CASE("a long command draws a bar on a terminal and takes it away", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  const std::string name = GENERATE(as<std::string>(), "rebuild", "integrity-check");
  INFO(name);
  std::string shown;
  {
    const Slow slow(db);
    shown = on_terminal(db, command(name));
  }
  INFO(shown);
  CHECK(shown.find("notes: " + name + " ") != std::string::npos);
  CHECK(shown.find("% [") != std::string::npos);
  CHECK(shown.find(" of ") != std::string::npos);
  CHECK(shown.find(" s left") != std::string::npos);
  REQUIRE(shown.size() > 4);
  CHECK(shown.substr(shown.size() - 4) == "\r\x1b[K");
  CHECK(shown.find('\n') == std::string::npos);
}

TEST_CASE("training a model draws a bar", "[sql][progress]") {
  Database db;
  db.run("CREATE TABLE texts AS SELECT 'name of ' || i AS a, 'what is said of ' || i AS b FROM " +
         numbers(40));
  const Slow slow(db);
  const std::string shown =
      on_terminal(db,
                  "INSERT INTO kindred_models(name, source, options) VALUES('mine', 'train', "
                  "'{\"query\": \"SELECT a, b FROM texts\", \"steps\": 600, \"dimensions\": 64}')");
  INFO(shown);
  CHECK(shown.find("mine: train ") != std::string::npos);
  CHECK(shown.find(" of 600") != std::string::npos);
}

TEST_CASE("the name in a bar is one line of plain characters", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  db.run("ALTER TABLE notes RENAME TO \"a\x1b[2J\n" + std::string(50, 'b') + "\"");
  const std::string name = "\"a\x1b[2J\n" + std::string(50, 'b') + "\"";
  const Slow slow(db);
  const std::string shown =
      on_terminal(db, "INSERT INTO " + name + "(" + name + ") VALUES('rebuild')");
  CHECK(shown.find("a?[2J?bbb") != std::string::npos);
  CHECK(shown.find("\x1b[2J") == std::string::npos);
  CHECK(shown.find('\n') == std::string::npos);
}

TEST_CASE("a quick command draws nothing", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  CHECK(on_terminal(db, command("integrity-check")) == "");
}

TEST_CASE("a command writes nothing where stderr is no terminal", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  const Slow slow(db);
  CHECK(on_pipe(db, command("rebuild")) == "");
}

TEST_CASE("a command that is interrupted stops and leaves all as it was", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  db.run("UPDATE notes_config SET value = 'another model' WHERE key = 'model'");
  const std::string name = GENERATE(as<std::string>(), "rebuild", "integrity-check", "optimize");
  const std::string rows = "SELECT group_concat(id || ':' || cn) FROM notes_rows";
  const std::string before = db.one(rows);
  int interrupted = 0;
  for (int nth = 1; nth < 2000; nth = nth * 3 / 2 + 1) {
    INFO(name << " at " << nth);
    sqlite3_stmt* raw = nullptr;
    REQUIRE(sqlite3_prepare_v2(db.handle(), command(name).c_str(), -1, &raw, nullptr) == SQLITE_OK);
    int rc;
    {
      const InterruptAt interrupt(db, nth);
      rc = sqlite3_step(raw);
    }
    sqlite3_finalize(raw);
    if (rc == SQLITE_DONE) break;
    CHECK(rc == SQLITE_INTERRUPT);
    ++interrupted;
    CHECK(db.one(rows) == before);
    CHECK(db.one("SELECT value FROM notes_config WHERE key = 'model'") == "another model");
    CHECK(sqlite3_get_autocommit(db.handle()) == 1);
  }
  CHECK(interrupted > 3);
  CHECK(db.error(command("rebuild")) == "");
  CHECK(db.error(command("integrity-check")) == "");
  CHECK(db.one(kAnswers) != "");
}

TEST_CASE("a command notices an interrupt between any two of its statements", "[sql][progress]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db);
  StatementEnds ends(db);
  db.run(command("integrity-check"));
  const int all = ends.seen;
  REQUIRE(all > 40);  // it looks at 1,600 rows, some of them three times
  for (ends.interrupt_at = 1; ends.interrupt_at < all - 3; ++ends.interrupt_at) {
    INFO(ends.interrupt_at << " of " << all);
    ends.seen = 0;
    CHECK(db.error(command("integrity-check")) == "interrupted");
  }
  ends.ignore();
  CHECK(db.error(command("integrity-check")) == "");
}
