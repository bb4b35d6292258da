// Callbacks of the host that ask SQL themselves while a search reads the log: on another connection
// to the same file, in the same thread. No lock of ours may be held then.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({10, -300, 250, 77});

// Asks `other` whenever SQLite calls back from `db`.
class Asking {
 public:
  Asking(Database& db, Database& other, const Mirrored& both)
      : db_(db), other_(other), both_(both) {
    sqlite3_progress_handler(db.handle(), 50, &Asking::progress, this);
    sqlite3_set_authorizer(db.handle(), &Asking::authorize, this);
  }
  ~Asking() {
    sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr);
    sqlite3_set_authorizer(db_.handle(), nullptr, nullptr);
  }
  int asked() const { return asked_; }
  const std::string& different() const { return different_; }

 private:
  void ask() {
    if (asking_ || asked_ == 200) return;
    asking_ = true;
    ++asked_;
    if (different_.empty()) different_ = knn_differs(other_, both_, kQuery);
    asking_ = false;
  }
  static int progress(void* self) {
    static_cast<Asking*>(self)->ask();
    return 0;
  }
  static int authorize(void* self, int, const char*, const char*, const char*, const char*) {
    static_cast<Asking*>(self)->ask();
    return SQLITE_OK;
  }

  Database& db_;
  Database& other_;
  const Mirrored& both_;
  bool asking_ = false;
  int asked_ = 0;
  std::string different_;
};

}  // namespace

TEST_CASE("a callback during a search may search on another connection", "[sql][callback]") {
  const ScratchDirectory scratch;
  const bool writing = GENERATE(false, true);
  INFO((writing ? "in a write transaction" : "outside one"));
  Database db(scratch.file("app.db"));
  db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
  const Mirrored both = make_mirrored(db, "items");
  Random random(seed(31));
  change_both(db, both, random, 300);
  Database other(scratch.file("app.db"));
  if (writing) {
    db.run("BEGIN IMMEDIATE");
    change_both(db, both, random, 5);
  }
  const Database::Parameter query = kQuery;
  {
    Asking asking(db, other, both);
    CHECK(knn_differs(db, both, query) == "");
    CHECK(asking.asked() > 3);
    CHECK(asking.different() == "");
  }
  if (writing) db.run("COMMIT");
  CHECK(all_differ(db, both, kQuery) == "");
  CHECK(knn_differs(other, both, kQuery) == "");
}
