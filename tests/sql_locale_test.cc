// SQL means the same in every locale of the host: Turkish has another small letter for I.
// SPDX-License-Identifier: Apache-2.0
#include <clocale>
#include <cstdlib>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using kindred::test::Database;
using kindred::test::ScratchDirectory;
using Rows = std::vector<std::string>;

namespace {

// The process is in Turkish for the object's life, if that locale can be made.
class InTurkish {
 public:
  InTurkish() {
    const std::string path = folder_.file("tr_TR.ISO-8859-9");
    const std::string make = "localedef -i tr_TR -f ISO-8859-9 " + path + " >/dev/null 2>&1";
    made_ = std::system(make.c_str()) != -1;  // it warns, and says so by its status
    setenv("LOCPATH", folder_.file("").c_str(), 1);
    made_ = made_ && std::setlocale(LC_ALL, "tr_TR.ISO-8859-9") != nullptr;
  }
  ~InTurkish() {
    std::setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
  }
  InTurkish(const InTurkish&) = delete;
  InTurkish& operator=(const InTurkish&) = delete;
  bool made() const { return made_; }

 private:
  ScratchDirectory folder_;
  bool made_ = false;
};

}  // namespace

TEST_CASE("collections are declared and found the same in a Turkish locale", "[sql][locale]") {
  const InTurkish turkish;
  if (!turkish.made()) {
    WARN("skipped: localedef makes no Turkish locale here");
    return;
  }
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE ITEMS USING kindred(id integer primary key, "
      "v INT8[2] DISTANCE_METRIC=L2, title Text)");
  db.run("INSERT INTO items(id, v, title) VALUES(1, vec_int8('[1,2]'), 'x')");
  CHECK(db.rows("SELECT rowid, distance FROM knn('items', vec_int8('[1,2]'))") == Rows{"1|0.0"});
  CHECK(db.error("CREATE VIRTUAL TABLE t USING kindred(v float[1], Title TEXT, TITLE TEXT)")
            .find("duplicate column name") != std::string::npos);
  db.run("CREATE VIRTUAL TABLE texts USING kindred(title, DIMENSIONS=16)");
  db.run("INSERT INTO texts VALUES('INFINITE Ideas')");
  CHECK(db.one("SELECT distance < 1e-6 FROM knn('TEXTS', 'infinite ideas')") == "1");
  CHECK(db.one("SELECT vec_to_json('[0.5]')") == "[0.5]");
}
