// Transactions that go past the log while another process has the store.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"

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
