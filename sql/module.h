// Virtual tables as C++ classes: makes SQLite's table of callbacks from a Table and its Cursor,
// each callback in guard(). A Table derives from sqlite3_vtab, a Cursor from sqlite3_vtab_cursor.
//
//   struct Table : sqlite3_vtab {
//     static std::unique_ptr<Table> connect(const Connection&);  // declares its columns
//     bool best_index(sqlite3_index_info&);  // false: no plan with these; see also refuse_plan()
//     std::unique_ptr<Cursor> open();
//     // if written: update, begin, sync, commit, rollback; if created: create, rename, destroy,
//     // match(sqlite3_context*, Values), the function match(query, column)
//   };
//   struct Cursor : sqlite3_vtab_cursor {  // also bool eof() const, void next(), int64_t rowid()
//     void filter(int plan, const char* plan_text, Values);
//     void column(sqlite3_context*, int);
//   };
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "sql/boundary.h"
#include "sql/sqlite.h"

namespace kindred::sql {

using Values = std::span<sqlite3_value*>;

// What xCreate and xConnect are given.
struct Connection {
  sqlite3* db;
  void* client_data;                       // the module's, see sqlite3_create_module_v2
  std::span<const char* const> arguments;  // module, schema, table, then the user's
};

// Throws Error if the CREATE TABLE text does not compile.
inline void declare_columns(sqlite3* db, const char* create_table) {
  const int rc = sqlite3_declare_vtab(db, create_table);
  if (rc != SQLITE_OK) throw Error(rc, sqlite3_errmsg(db));
}

// The number of a plan that is an error where it is run, and what it costs: more than any other.
inline constexpr int kRefusedPlan = -1;
inline constexpr double kRefusedCost = 1e50;

// Makes the plan one that ends in the error `message`. An error while SQLite plans would end
// statements that have better plans: for each side of an OR it asks for one with the conditions of
// that side alone, without a table function's arguments.
// REQUIRES: no constraint has been taken.
inline void refuse_plan(sqlite3_index_info& info, const std::string& message) {
  info.idxNum = kRefusedPlan;
  info.idxStr = sqlite3_mprintf("%s", message.c_str());
  if (info.idxStr == nullptr) throw std::bad_alloc();
  info.needToFreeIdxStr = 1;
  info.estimatedCost = kRefusedCost;
}

template <class Table>
class Module {
  using Cursor = typename Table::Cursor;

  struct TableReport {
    sqlite3_vtab* vtab;
    void operator()(int, const char* text) const noexcept { set_message(&vtab->zErrMsg, text); }
  };
  static Table& table(sqlite3_vtab* vtab) { return *static_cast<Table*>(vtab); }
  static Cursor& cursor(sqlite3_vtab_cursor* c) { return *static_cast<Cursor*>(c); }

  template <class Make>
  static int make(sqlite3_vtab** out, char** message, Make&& make) noexcept {
    return guard([&] { *out = make().release(); },
                 [&](int, const char* text) noexcept { set_message(message, text); });
  }
  static Connection connection(sqlite3* db, void* data, int argc, const char* const* argv) {
    return {db, data, {argv, static_cast<size_t>(argc)}};
  }
  template <class Body>
  static int guarded(sqlite3_vtab* vtab, Body&& body) noexcept {
    return guard(body, TableReport{vtab});
  }

  static int connect(sqlite3* db, void* data, int argc, const char* const* argv, sqlite3_vtab** out,
                     char** message) noexcept {
    return make(out, message, [&] { return Table::connect(connection(db, data, argc, argv)); });
  }
  static int create(sqlite3* db, void* data, int argc, const char* const* argv, sqlite3_vtab** out,
                    char** message) noexcept {
    return make(out, message, [&] { return Table::create(connection(db, data, argc, argv)); });
  }
  static int disconnect(sqlite3_vtab* vtab) noexcept {
    delete &table(vtab);
    return SQLITE_OK;
  }
  static int destroy(sqlite3_vtab* vtab) noexcept {
    const int rc = guarded(vtab, [&] { table(vtab).destroy(); });
    if (rc == SQLITE_OK) delete &table(vtab);
    return rc;
  }
  static int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) noexcept {
    bool usable = false;
    const int rc = guarded(vtab, [&] { usable = table(vtab).best_index(*info); });
    return rc != SQLITE_OK ? rc : usable ? SQLITE_OK : SQLITE_CONSTRAINT;
  }
  static int open(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) noexcept {
    return guarded(vtab, [&] { *out = table(vtab).open().release(); });
  }
  static int close(sqlite3_vtab_cursor* c) noexcept {
    delete &cursor(c);
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor* c, int plan, const char* plan_text, int argc,
                    sqlite3_value** argv) noexcept {
    return guarded(c->pVtab, [&] {
      if (plan == kRefusedPlan) throw Error(SQLITE_ERROR, plan_text);
      cursor(c).filter(plan, plan_text, Values(argv, static_cast<size_t>(argc)));
    });
  }
  static int next(sqlite3_vtab_cursor* c) noexcept {
    return guarded(c->pVtab, [&] { cursor(c).next(); });
  }
  static int eof(sqlite3_vtab_cursor* c) noexcept { return cursor(c).eof() ? 1 : 0; }
  static int column(sqlite3_vtab_cursor* c, sqlite3_context* context, int i) noexcept {
    return guard([&] { cursor(c).column(context, i); }, ContextReport{context});
  }
  static int rowid(sqlite3_vtab_cursor* c, sqlite3_int64* out) noexcept {
    return guarded(c->pVtab, [&] { *out = cursor(c).rowid(); });
  }
  static int update(sqlite3_vtab* vtab, int argc, sqlite3_value** argv,
                    sqlite3_int64* rowid) noexcept {
    return guarded(vtab, [&] {
      int64_t id = 0;
      if (table(vtab).update(Values(argv, static_cast<size_t>(argc)), id)) *rowid = id;
    });
  }
  static int begin(sqlite3_vtab* vtab) noexcept {
    return guarded(vtab, [&] { table(vtab).begin(); });
  }
  static int sync(sqlite3_vtab* vtab) noexcept {
    return guarded(vtab, [&] { table(vtab).sync(); });
  }
  static int commit(sqlite3_vtab* vtab) noexcept {
    table(vtab).commit();
    return SQLITE_OK;
  }
  static int rollback(sqlite3_vtab* vtab) noexcept {
    table(vtab).rollback();
    return SQLITE_OK;
  }
  static int rename(sqlite3_vtab* vtab, const char* name) noexcept {
    return guarded(vtab, [&] { table(vtab).rename(name); });
  }
  static void match(sqlite3_context* context, int argc, sqlite3_value** argv) noexcept {
    auto* vtab = static_cast<sqlite3_vtab*>(sqlite3_user_data(context));
    guard([&] { table(vtab).match(context, Values(argv, static_cast<size_t>(argc))); },
          ContextReport{context});
  }
  // SQLite calls match() for a MATCH that it was told to leave out and checks all the same.
  static int find_function(sqlite3_vtab* vtab, int argc, const char* name,
                           void (**function)(sqlite3_context*, int, sqlite3_value**),
                           void** user_data) noexcept {
    if (argc != 2 || sqlite3_stricmp(name, "match") != 0) return 0;
    *function = &match;
    *user_data = vtab;
    return 1;
  }

 public:
  // A table-valued function: usable under the module's name without CREATE VIRTUAL TABLE.
  static sqlite3_module table_function() noexcept {
    sqlite3_module m{};
    m.xConnect = &connect;
    m.xDisconnect = &disconnect;
    m.xDestroy = &disconnect;
    m.xBestIndex = &best_index;
    m.xOpen = &open;
    m.xClose = &close;
    m.xFilter = &filter;
    m.xNext = &next;
    m.xEof = &eof;
    m.xColumn = &column;
    m.xRowid = &rowid;
    return m;
  }

  // A table that is there under the module's name without CREATE VIRTUAL TABLE and can be written.
  static sqlite3_module writable_table() noexcept {
    sqlite3_module m = table_function();
    m.xUpdate = &update;
    m.xBegin = &begin;
    m.xSync = &sync;
    m.xCommit = &commit;
    m.xRollback = &rollback;
    return m;
  }

  // A table that CREATE VIRTUAL TABLE makes, with shadow tables. `shadow_name` is xShadowName.
  static sqlite3_module writable(int (*shadow_name)(const char*)) noexcept {
    sqlite3_module m = writable_table();
    m.iVersion = 3;
    m.xCreate = &create;
    m.xDestroy = &destroy;
    m.xRename = &rename;
    m.xFindFunction = &find_function;
    m.xShadowName = shadow_name;
    return m;
  }
};

}  // namespace kindred::sql
