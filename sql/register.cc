// SPDX-License-Identifier: Apache-2.0
#include "sql/register.h"

#include <memory>

#include "math/kernels.h"
#include "sql/boundary.h"
#include "sql/collections/backup_function.h"
#include "sql/collections/open_collections.h"
#include "sql/function.h"
#include "sql/info_functions.h"
#include "sql/models/embed_function.h"
#include "sql/models/embedding_table_function.h"
#include "sql/models/most_similar_function.h"
#include "sql/models/positions_function.h"
#include "sql/models/tokenize_function.h"
#include "sql/statement.h"
#include "sql/tables/collection_table.h"
#include "sql/tables/knn_function.h"
#include "sql/tables/models_table.h"
#include "sql/vectors/vec_each.h"
#include "sql/vectors/vector_aggregates.h"
#include "sql/vectors/vector_arithmetic.h"
#include "sql/vectors/vector_distances.h"
#include "sql/vectors/vector_functions.h"

namespace kindred::sql {
namespace {

// Below this SQLite lacks sqlite3_vtab_in() and sqlite3_vtab_rhs_value().
constexpr int kMinimumSqlite = 3038000;

using FunctionRows = std::span<const Function> (*)() noexcept;

constexpr FunctionRows kFunctions[] = {
    vector_functions, vector_distances, vector_arithmetic,  vector_aggregates,
    embed_functions,  info_functions,   position_functions,
};

struct NamedModule {
  const char* name;
  const sqlite3_module* (*module)() noexcept;
  bool uses_collections;  // its client data is the connection's OpenCollections
};

// `kindred` comes last: where it is, everything is.
constexpr NamedModule kModules[] = {
    {"embedding_table", embedding_table_module, false},
    {"knn", knn_module, true},
    {"most_similar", most_similar_module, false},
    {"positions", positions_module, false},
    {"tokenize", tokenize_module, false},
    {"vec_each", vec_each_module, false},
    {"kindred", collection_module, true},
};

void register_function(sqlite3* db, const Function& f) {
  const int flags = SQLITE_UTF8 | f.flags;
  void* self = const_cast<Function*>(&f);  // the row is the callback's user data
  check(db, f.step == nullptr
                ? sqlite3_create_function_v2(db, f.name, f.argument_count, flags, self, f.call,
                                             nullptr, nullptr, nullptr)
                : sqlite3_create_window_function(db, f.name, f.argument_count, flags, self, f.step,
                                                 f.final, f.value, f.inverse, nullptr));
}

// Modules that share the connection's OpenCollections each hold a reference, which SQLite gives
// back when it closes the connection.
using SharedCollections = std::shared_ptr<OpenCollections>;

void register_module(sqlite3* db, const NamedModule& m, const SharedCollections& open) {
  if (!m.uses_collections)
    return check(db, sqlite3_create_module_v2(db, m.name, m.module(), nullptr, nullptr));
  auto reference = std::make_unique<SharedCollections>(open);
  check(db, sqlite3_create_module_v2(
                db, m.name, m.module(), reference.release(),  // destroyed also on failure
                [](void* data) { delete static_cast<SharedCollections*>(data); }));
}

// By a statement, for a SQLite that was built without this PRAGMA answers it with no rows.
bool is_registered(sqlite3* db) {
  Statement modules(db, "PRAGMA module_list");
  while (modules.step())
    if (modules.text(0) == "kindred") return true;
  return false;
}

}  // namespace

int register_all(sqlite3* db, char** message) noexcept {
  return guard(
      [&] {
        if (sqlite3_libversion_number() < kMinimumSqlite)
          throw Error(SQLITE_ERROR, std::string("kindred: SQLite 3.38.0 or newer is wanted, got ") +
                                        sqlite3_libversion());
        if (is_registered(db)) return;  // a second registry would know no open collection
        math::active();  // reports an unknown KINDRED_FORCE_ISA at loading, not at the first query
        for (const FunctionRows rows : kFunctions)
          for (const Function& f : rows()) register_function(db, f);
        const auto open = std::make_shared<OpenCollections>(db);
        register_backup_function(db, open);
        register_models_table(db);
        for (const NamedModule& m : kModules) register_module(db, m, open);
      },
      [&](int, const char* text) noexcept { set_message(message, text); });
}

}  // namespace kindred::sql
