// Transactions that go past the log while another process has the store.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/mirror.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;

namespace {

// A process that holds the lock of a database's store until the end of the scope.
class StoreHolder {
 public:
  explicit StoreHolder(const std::string& database) {
    const std::string path = database + "-kindred/rocksdb/LOCK";
    int ready[2];
    if (pipe(ready) != 0 || pipe(end_) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) hold(path.c_str(), ready[1]);
    close(ready[1]);
    char held = 0;
    const bool told = read(ready[0], &held, 1) == 1 && held == 1;
    close(ready[0]);
    if (!told) throw std::runtime_error("cannot lock " + path);
  }
  ~StoreHolder() {
    close(end_[0]);
    close(end_[1]);
    waitpid(pid_, nullptr, 0);
  }
  StoreHolder(const StoreHolder&) = delete;
  StoreHolder& operator=(const StoreHolder&) = delete;

 private:
  [[noreturn]] void hold(const char* path, int ready) const {
    close(end_[1]);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    const int file = open(path, O_RDWR);
    char held = file >= 0 && fcntl(file, F_SETLK, &lock) == 0 ? 1 : 0;
    if (write(ready, &held, 1) == 1) (void)!read(end_[0], &held, 1);
    _exit(0);
  }

  int end_[2];
  pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("an undone delete stays undone where another process has the store", "[sql][bulk]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2])");
  db.run("INSERT INTO items(items) VALUES('seal=10')");
  db.run("INSERT INTO items(rowid, v) VALUES(100, '[9,9]')");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run("INSERT INTO items(rowid, v) VALUES(1, '[1,2]')");
  auto other = std::make_unique<StoreHolder>(scratch.file("app.db"));
  db.run("BEGIN");
  for (int id = 2; id <= 9; ++id)
    db.run("INSERT INTO items(rowid, v) VALUES(" + std::to_string(id) + ", '[3,4]')");
  db.run("SAVEPOINT s; DELETE FROM items WHERE rowid IN (1, 9, 100); ROLLBACK TO s");
  db.run("DELETE FROM items WHERE rowid IN (2, 8)");
  db.run("COMMIT");
  other.reset();
  CHECK(db.one("SELECT group_concat(rowid) FROM (SELECT rowid FROM knn('items', vec_f32('[1,2]')) "
               "ORDER BY rowid)") == "1,3,4,5,6,7,9,100");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
}

namespace {

const Mirrored kBoth{"items", "plain", "id, hex(v)", "v", "vec_distance_l2", "v"};
const Database::Parameter kQuery = blob({500});

void make_both(Database& db, int seal) {
  db.run(
      "PRAGMA synchronous=OFF; CREATE TABLE plain(id INTEGER PRIMARY KEY, v BLOB);"
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1] "
      "distance_metric=l2); INSERT INTO items(items) VALUES('seal=" +
      std::to_string(seal) + "')");
}

std::string put(int64_t from, int64_t count) {
  return "INSERT OR REPLACE INTO @ SELECT i + " + std::to_string(from) +
         ", random_vector(i * 7 + " + std::to_string(from) + ", 1) FROM " +
         numbers(static_cast<int>(count));
}

}  // namespace

TEST_CASE("rows whose delete is undone after a search are found again", "[sql][bulk]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(path);
  SqlFunctions functions(db);
  make_both(db, 10);
  run_on_both(db, kBoth, put(0, 40));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  const bool is_held = GENERATE(false, true);
  const std::optional<StoreHolder> holder =
      is_held ? std::optional<StoreHolder>(std::in_place, path) : std::nullopt;
  db.run("BEGIN");
  SECTION("of a segment") {
    run_on_both(db, kBoth, "DELETE FROM @ WHERE id > 4");
    db.run("SAVEPOINT s; SELECT count(*) FROM knn('items', '[1]'); ROLLBACK TO s");
  }
  SECTION("of a segment, by a statement that fails") {
    run_on_both(db, kBoth, "DELETE FROM @ WHERE id > 4");
    CHECK(db.error("INSERT INTO plain SELECT rowid, 'x' FROM knn('items', '[1]')") != "");
  }
  SECTION("written in the same transaction, all of them") {
    run_on_both(db, kBoth, "DELETE FROM @");
    run_on_both(db, kBoth, put(100, 30));
    db.run("SAVEPOINT s");
    run_on_both(db, kBoth, "DELETE FROM @");
    db.run("SELECT count(*) FROM knn('items', '[1]'); ROLLBACK TO s");
  }
  SECTION("written in the same transaction, some of them, twice") {
    run_on_both(db, kBoth, put(100, 30));
    db.run("SAVEPOINT s");
    run_on_both(db, kBoth, "DELETE FROM @ WHERE id > 110");
    db.run("SELECT count(*) FROM knn('items', '[1]'); SAVEPOINT t");
    run_on_both(db, kBoth, "DELETE FROM @ WHERE id > 100");
    db.run("SELECT count(*) FROM knn('items', '[1]'); ROLLBACK TO t");
    db.run("SELECT count(*) FROM knn('items', '[1]'); ROLLBACK TO s");
  }
  SECTION("written in the same transaction, and searched after a savepoint") {
    run_on_both(db, kBoth, put(100, 30));
    db.run("SAVEPOINT s; SELECT count(*) FROM knn('items', '[1]'); ROLLBACK TO s");
  }
  db.run("COMMIT");
  if (!is_held) CHECK(all_differ(db, kBoth, kQuery) == "");
  Database other(path);
  CHECK(other.rows("SELECT rowid FROM knn('items', '[1]') ORDER BY 1") ==
        other.rows("SELECT id FROM plain ORDER BY 1"));
}

TEST_CASE("savepoints, searches and large changes in any order leave the rows of a table",
          "[sql][bulk]") {
  const ScratchDirectory scratch;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    const std::string path = scratch.file(std::to_string(seed) + ".db");
    Random random(seed);
    Database db(path);
    SqlFunctions functions(db);
    make_both(db, random.pick(std::vector<int>{4, 10, 40}));
    run_on_both(db, kBoth, put(0, 60));
    db.run("INSERT INTO items(items) VALUES('optimize')");
    std::optional<StoreHolder> holder;
    if (seed % 2 == 0) holder.emplace(path);
    int open = 0;  // savepoints
    for (int i = 0; i < 60; ++i) {
      const int64_t from = random.below(100);
      const int64_t count = random.pick(std::vector<int64_t>{1, 5, 40});
      const std::string range = std::to_string(from) + " AND " + std::to_string(from + count);
      switch (random.below(7)) {
        case 0:
        case 1:
          run_on_both(db, kBoth, put(from, count));
          break;
        case 2:
          run_on_both(db, kBoth, "DELETE FROM @ WHERE id BETWEEN " + range);
          break;
        case 3:
          run_on_both(db, kBoth,
                      "UPDATE @ SET v = random_vector(id + " + std::to_string(i) +
                          ", 1) WHERE id BETWEEN " + range);
          break;
        case 4:
          db.run("SAVEPOINT s" + std::to_string(open++));
          break;
        case 5:
          if (open == 0) break;
          if (!random.one_in(3)) db.run("ROLLBACK TO s" + std::to_string(open - 1));
          if (random.one_in(2)) db.run("RELEASE s" + std::to_string(--open));
          break;
        default:
          CHECK(db.rows("SELECT rowid, distance FROM knn('items', '[5]')") ==
                db.rows("SELECT id, vec_distance_l2(v, '[5]') d FROM plain ORDER BY d, id"));
      }
    }
    while (open > 0) db.run("RELEASE s" + std::to_string(--open));
    holder.reset();
    CHECK(all_differ(db, kBoth, kQuery) == "");
  }
}
