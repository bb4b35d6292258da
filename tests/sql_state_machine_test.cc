// Random statements on two collections and on two ordinary tables in the same transactions: after
// every few steps the tables must hold the same rows, and knn() must answer what brute force over
// the ordinary ones does.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"
#include "tests/support/random.h"

using namespace kindred::test;

namespace {

const std::vector<std::string> kWords = {"password", "reset", "login",  "soup",   "onion",
                                         "pan",      "train", "ticket", "refund", "garden"};
const std::vector<std::string> kConflicts = {"",         " OR ABORT",   " OR IGNORE",
                                             " OR FAIL", " OR REPLACE", " OR ROLLBACK"};
constexpr int64_t kIds = 40;
constexpr size_t kDim = 8;

// Of the collection `items`: 8 numbers under l2, or 16 bits.
enum class Vectors { kFloats, kBits };

class Machine {
 public:
  Machine(const std::string& path, const std::string& journal, uint64_t seed, Vectors vectors)
      : db_(path), random_(seed), has_bits_(vectors == Vectors::kBits) {
    db_.run("PRAGMA journal_mode=" + journal + "; PRAGMA synchronous=OFF");
    db_.run(
        "CREATE VIRTUAL TABLE faq USING kindred(question, lang TEXT, stars INTEGER, "
        "dimensions=64);"
        "CREATE TABLE faq_mirror(id INTEGER PRIMARY KEY, question TEXT, lang TEXT, "
        "stars INTEGER);"
        "CREATE TABLE items_mirror(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, v BLOB, "
        "genre TEXT, year INTEGER, owner INTEGER, note TEXT);"
        "CREATE TABLE other(a)");
    db_.run(create_items("items"));
  }

  void step() {
    const int64_t choice = random_.below(100);
    if (choice < 70) {
      change();
    } else if (choice < 90) {
      transaction();
    } else if (choice < 94) {
      other_table();
    } else if (choice < 97) {
      command();
    } else {
      rename();
    }
    if (trace_.size() > 200) trace_.erase(trace_.begin(), trace_.begin() + 100);
  }

  // "" or what differs, with the last statements.
  std::string differs() {
    std::string what = compare(faq());
    if (what.empty()) what = compare(items());
    return what.empty() ? failure_ : what + history();
  }

  void finish() {
    if (in_transaction()) db_.run("COMMIT");
    check_integrity();
  }

  int64_t failures() const { return refused_; }

 private:
  Mirrored faq() {
    return {name("faq"),
            "faq_mirror",
            "question, lang, stars",
            "embed(question, 'default', '{\"dimensions\": 64}')",
            "vec_distance_cosine",
            "question"};
  }
  Mirrored items() {
    return {name("items"),
            "items_mirror",
            "key, hex(v), genre, year, owner, note",
            has_bits_ ? "vec_bit(v)" : "v",
            has_bits_ ? "vec_distance_hamming" : "vec_distance_l2",
            "v",
            has_bits_ ? "vec_bit(substr(?1, 1, 2))" : "?1"};
  }
  // What the collection is called now: ROLLBACK undoes a RENAME as well.
  std::string name(const std::string& base) {
    return db_.one("SELECT name FROM sqlite_schema WHERE name IN ('" + base + "', '" + base +
                   "_renamed')");
  }
  bool in_transaction() const { return sqlite3_get_autocommit(db_.handle()) == 0; }

  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what + history();
  }
  std::string history() const {
    std::string text = "\nthe last statements:";
    const size_t first = trace_.size() > 60 ? trace_.size() - 60 : 0;
    for (size_t i = first; i < trace_.size(); ++i) text += "\n" + trace_[i];
    return text;
  }

  int run(const std::string& sql) {
    const int rc = sqlite3_exec(db_.handle(), sql.c_str(), nullptr, nullptr, nullptr);
    trace_.push_back(sql + ";" +
                     (rc != SQLITE_OK ? std::string("  -- ") + sqlite3_errmsg(db_.handle()) : ""));
    return rc;
  }

  // Runs a statement, in which @ stands for the table, on both and compares what becomes of it.
  void both(const Mirrored& tables, const std::string& conflict, const std::string& verb,
            const std::string& rest) {
    const auto on = [&](const std::string& table, const std::string& clause) {
      std::string sql = verb + clause + rest;
      for (size_t at; (at = sql.find('@')) != std::string::npos;) sql.replace(at, 1, table);
      return sql;
    };
    const bool ends = conflict == " OR ROLLBACK" && in_transaction();
    if (ends) {  // the ordinary table first, and so that a failure leaves the transaction
      const bool fails = run(on(tables.mirror, " OR ABORT")) != SQLITE_OK;
      const int rc = run(on(tables.collection, conflict));
      if (fails != (rc != SQLITE_OK) || fails == in_transaction())
        fail("OR ROLLBACK: " + std::to_string(rc));
      return;
    }
    // An UPDATE OR REPLACE counts rows that it has itself removed, if the table is virtual.
    const bool counts = verb != "UPDATE" || conflict != " OR REPLACE";
    const auto state = [&](int rc) {
      const bool inserts = verb == "INSERT" && rc == SQLITE_OK;
      return std::to_string(rc & 0xff) + ", " +
             std::to_string(rc == SQLITE_OK && counts ? sqlite3_changes(db_.handle()) : 0) +
             " changes, " +
             (inserts ? std::to_string(sqlite3_last_insert_rowid(db_.handle())) : "");
    };
    sqlite3_set_last_insert_rowid(db_.handle(), 77);
    const std::string got = state(run(on(tables.collection, conflict)));
    sqlite3_set_last_insert_rowid(db_.handle(), 77);
    const int rc = run(on(tables.mirror, conflict));
    const std::string wanted = state(rc);
    if (rc != SQLITE_OK) ++refused_;
    if (got != wanted) fail("got " + got + ", wanted " + wanted);
  }

  std::string id() { return std::to_string(random_.below(kIds) + 1); }
  std::string text() {
    if (random_.one_in(12)) return random_.one_in(2) ? "NULL" : "' '";
    std::string words;
    for (int64_t n = random_.below(3) + 1; n > 0; --n) words += random_.pick(kWords) + " ";
    return "'" + words + "'";
  }
  std::string vector() {
    if (random_.one_in(15)) return "NULL";
    if (has_bits_) {
      const char* const digits = "0137F";
      std::string hex;
      for (int i = 0; i < 4; ++i) hex += digits[random_.below(5)];
      return "vec_bit(x'" + hex + "')";
    }
    if (random_.one_in(15)) return "vec_f32('[0,0,0,0,0,0,0,0]')";
    std::string json;
    for (size_t i = 0; i < kDim; ++i)
      json += (i > 0 ? "," : "") + std::to_string(random_.below(7) - 3);  // equal distances
    return "vec_f32('[" + json + "]')";
  }
  std::string genre() {
    return random_.one_in(8) ? "NULL" : "'" + std::string(1, "abc"[random_.below(3)]) + "'";
  }
  std::string key() { return random_.one_in(30) ? "NULL" : "'k" + id() + "'"; }
  std::string number(int64_t below) { return std::to_string(random_.below(below)); }

  std::string faq_values() { return text() + ", " + genre() + ", " + number(6); }
  std::string item_values() {
    return key() + ", " + vector() + ", " + genre() + ", " + number(30) + ", " + number(4) + ", " +
           text();
  }

  void change() {
    const std::string& conflict = random_.pick(kConflicts);
    const bool is_faq = random_.one_in(2);
    const Mirrored tables = is_faq ? faq() : items();
    const auto values = [&] { return is_faq ? faq_values() : item_values(); };
    const std::string columns =
        is_faq ? "question, lang, stars" : "key, v, genre, year, owner, note";
    const int64_t choice = random_.below(100);
    if (choice < 45) {
      const bool with_id = !random_.one_in(4);
      std::string rows;
      for (int64_t n = random_.one_in(2) ? 1 : random_.below(5) + 1; n > 0; --n)
        rows += std::string(rows.empty() ? "" : ", ") + "(" + (with_id ? id() + ", " : "") +
                values() + ")";
      both(tables, conflict, "INSERT",
           std::string(" INTO @(") + (with_id ? "rowid, " : "") + columns + ") VALUES" + rows);
    } else if (choice < 75) {
      // Not of the id that a REPLACE may give to another: SQLite computes a virtual table's new
      // values before it changes the first row, an ordinary table's one by one.
      const std::string target = id();
      both(tables, conflict, "UPDATE",
           " @ SET " + assignment(is_faq, target) + " WHERE rowid IN (" + id() + ", " + id() +
               ", " + id() + ") AND rowid <> " + target);
    } else if (choice < 80) {
      both(tables, "", "UPDATE",
           is_faq ? " @ SET stars = stars + 1 WHERE stars < 3"
                  : " @ SET year = year + 1 WHERE genre = 'a'");
    } else if (choice < 97) {
      both(tables, "", "DELETE", " FROM @ WHERE rowid IN (" + id() + ", " + id() + ")");
    } else {
      both(tables, "", "DELETE", " FROM @ WHERE rowid > " + id());
    }
  }

  std::string assignment(bool is_faq, const std::string& target) {
    switch (random_.below(5)) {
      case 0:
        return "rowid = " + target;
      case 1:
        return is_faq ? "stars = " + number(6) : "key = " + key() + ", note = " + text();
      case 2:
        return is_faq ? "lang = " + genre() : "owner = " + number(4) + ", genre = " + genre();
      case 3:
        return is_faq ? "question = " + text() + ", rowid = " + target
                      : "v = " + vector() + ", rowid = " + target + ", key = " + key();
      default:
        return is_faq ? "question = " + text() : "v = " + vector();
    }
  }

  void transaction() {
    const int64_t choice = random_.below(12);
    if (!in_transaction()) {
      run(choice < 6 ? "BEGIN" : choice < 9 ? "BEGIN IMMEDIATE" : "SAVEPOINT s0");
      return;
    }
    const std::string point = "s" + number(4);  // names repeat and may be unknown
    if (choice < 4) {
      run("SAVEPOINT " + point);
    } else if (choice < 7) {
      run("ROLLBACK TO " + point);
    } else if (choice < 9) {
      run("RELEASE " + point);
    } else if (choice < 10) {
      run("ROLLBACK");
    } else {
      run("COMMIT");
    }
    if (!in_transaction()) check_integrity();
  }

  void check_integrity() {
    for (const std::string& collection : {name("faq"), name("items")}) {
      const std::string error = integrity_error(db_, collection);
      if (!error.empty()) fail(error);
    }
  }

  // Of float vectors the index covers all dimensions or a few, by codes or without.
  std::string create_items(const std::string& name) {
    const int64_t index = has_bits_ ? 0 : random_.below(3);
    return "CREATE VIRTUAL TABLE " + name + " USING kindred(key TEXT PRIMARY KEY, v " +
           (has_bits_ ? "bit[16]" : "float[8] distance_metric=l2") +
           ", genre TEXT, year INTEGER, owner INTEGER PARTITION KEY, +note TEXT" +
           (index == 1   ? ", dimensions=3)"
            : index == 2 ? ", quantize='none')"
                         : ")");
  }

  // A collection dropped and made again in a savepoint is the old one after ROLLBACK TO.
  void drop_for_a_while() {
    const std::string items = name("items");
    run("SAVEPOINT dropped");
    run("DROP TABLE " + items);
    if (random_.one_in(2)) {
      run(create_items(items));
      const std::string vector = has_bits_ ? "vec_bit(x'0137')" : "'[1,2,3,4,5,6,7,8]'";
      run("INSERT INTO " + items + "(key, v) VALUES('new', " + vector + ")");
      if (db_.rows("SELECT * FROM knn('" + items + "', " + vector + ")").size() != 1)
        fail("not one row in a new collection");
    }
    run("ROLLBACK TO dropped");
    run("RELEASE dropped");
  }

  void other_table() {
    switch (random_.below(7)) {
      case 5:
        drop_for_a_while();
        break;
      case 6:
        if (!in_transaction()) run("VACUUM");
        break;
      case 0:
        run("CREATE TABLE IF NOT EXISTS another(a)");
        break;
      case 1:
        run("DROP TABLE IF EXISTS another");
        break;
      case 2:
        run("ALTER TABLE other RENAME COLUMN a TO b");
        run("ALTER TABLE other RENAME COLUMN b TO a");
        break;
      case 3:
        run("ALTER TABLE another ADD COLUMN extra");
        break;
      default:
        run("CREATE INDEX IF NOT EXISTS other_a ON other(a)");
        run("INSERT INTO other VALUES(1)");
    }
  }

  void command() {
    const std::string faq = name("faq");
    const std::string items = name("items");
    const int64_t choice = random_.below(4);
    const std::string& on = choice == 0 ? items : faq;
    const std::string command = choice == 2   ? "rebuild"
                                : choice == 3 ? "seal=" + std::to_string(random_.below(60) + 1)
                                              : "optimize";
    if (run("INSERT INTO " + on + "(" + on + ") VALUES('" + command + "')") != SQLITE_OK)
      fail(command + " fails");
  }

  void rename() {
    const std::string base = random_.one_in(2) ? "faq" : "items";
    const std::string now = name(base);
    const std::string next = now == base ? base + "_renamed" : base;
    if (run("ALTER TABLE " + now + " RENAME TO " + next) != SQLITE_OK) fail("RENAME fails");
  }

  Database::Parameter query(const Mirrored& tables) {
    if (tables.match == "v" && has_bits_) return blob({random_.uniform()});
    if (tables.match == "v") return blob(random_.vector(kDim, 3));
    return blob(embedded(random_.pick(kWords) + " " + random_.pick(kWords)));
  }
  std::vector<float> embedded(const std::string& words) {
    std::vector<float> v;
    for (const std::string& x :
         db_.rows("SELECT value FROM vec_each(embed(?1, 'default', '{\"dimensions\": 64}'))",
                  {kindred::test::text(words)}))
      v.push_back(std::stof(x));
    return v;
  }

  std::string compare(const Mirrored& tables) {
    const bool is_faq = tables.match != "v";
    const Database::Parameter q = query(tables);
    std::string what = rows_differ(db_, tables);
    const auto also = [&](const std::string& difference) {
      if (what.empty()) what = difference;
    };
    also(knn_differs(db_, tables, q));
    also(knn_differs(db_, tables, q, {random_.below(8), ""}));
    also(knn_differs(db_, tables, q,
                     {random_.below(8), "rowid IN (SELECT id FROM " + tables.mirror +
                                            " WHERE id % 3 = " + number(3) + ")"}));
    const std::string near = is_faq ? "0.6" : has_bits_ ? "3" : "5";
    const std::string far = is_faq ? "1.0" : has_bits_ ? "6" : "9.5";
    also(knn_differs(db_, tables, q,
                     {random_.below(12), "distance > " + near + " AND distance <= " + far}));
    const std::string filter = is_faq ? "stars >= " + number(6) + " AND lang = 'a'"
                                      : "owner = " + number(4) + " AND year < " + number(30);
    also(match_differs(db_, tables, q, {random_.below(12), filter}));
    also(match_differs(db_, tables, q, {{}, is_faq ? "lang IS NULL" : "genre IN ('a', 'c')"}));
    also(join_differs(db_, tables, q, is_faq ? "m.stars % 2 = 1" : "m.year % 2 = 1",
                      random_.below(10)));
    return what;
  }

  Database db_;
  Random random_;
  bool has_bits_;
  std::vector<std::string> trace_;
  std::string failure_;
  int64_t refused_ = 0;
};

void play(const std::string& path, const std::string& journal, uint64_t seed, int64_t length,
          Vectors vectors = Vectors::kFloats) {
  const uint64_t own = kindred::test::seed(seed);
  INFO("seed " << own << ", journal " << journal << ", path " << path);
  Machine machine(path, journal, own, vectors);
  for (int64_t i = 0; i < length; ++i) {
    machine.step();
    if (i % 4 != 0) continue;
    const std::string difference = machine.differs();
    INFO("step " << i);
    REQUIRE(difference == "");
  }
  machine.finish();
  REQUIRE(machine.differs() == "");
  if (length > 500) CHECK(machine.failures() > length / 50);  // the clauses have had work to do
}

}  // namespace

TEST_CASE("a collection in memory follows an ordinary table through any history", "[sql][random]") {
  for (uint64_t seed = 1; seed <= 3; ++seed) play(":memory:", "MEMORY", seed, steps(1200));
}

TEST_CASE("a collection in WAL mode follows an ordinary table through any history",
          "[sql][random]") {
  const ScratchDirectory scratch;
  play(scratch.file("wal.db"), "WAL", 11, steps(2500));
}

TEST_CASE("a collection with a rollback journal follows an ordinary table through any history",
          "[sql][random]") {
  const ScratchDirectory scratch;
  play(scratch.file("delete.db"), "DELETE", 21, steps(2500));
}

TEST_CASE("a collection of bit vectors follows an ordinary table through any history",
          "[sql][random]") {
  const ScratchDirectory scratch;
  play(scratch.file("wal.db"), "WAL", 31, steps(1500), Vectors::kBits);
}
