// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/open_collections.h"

#include <algorithm>
#include <vector>

#include "sql/ascii.h"
#include "sql/boundary.h"
#include "sql/collections/collection.h"
#include "sql/statement.h"

namespace kindred::sql {
namespace {

// Schemas in the order in which SQLite resolves a bare name.
std::vector<std::string> schemas(sqlite3* db) {
  std::vector<std::string> names = {"temp", "main"};
  Statement list(db, "SELECT name FROM pragma_database_list WHERE seq > 1 ORDER BY seq");
  while (list.step()) names.emplace_back(list.text(0));
  return names;
}

}  // namespace

Place::Place(std::string_view schema, std::string_view table)
    : schema(folded(schema)), table(folded(table)) {}

bool OpenCollections::exists(const std::string& schema, std::string_view table) const {
  Statement select(db_, "SELECT 1 FROM " + quote_identifier(schema) +
                            ".sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
  return select.bind(1, table).step();
}

Place OpenCollections::locate(std::string_view name, const std::string& who) const {
  const std::vector<std::string> all = schemas(db_);
  for (const std::string& schema : all)
    if (exists(schema, name)) return {schema, name};
  // Schemas and tables may have dots in their names: the first one that leads to a table counts.
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    const Place place(name.substr(0, dot), name.substr(dot + 1));
    const bool attached = std::any_of(all.begin(), all.end(), [&](const std::string& schema) {
      return folded(schema) == place.schema;
    });
    if (attached && exists(place.schema, place.table)) return place;
  }
  throw Error(SQLITE_ERROR, who + ": no such collection: " + std::string(name));
}

std::shared_ptr<Collection> OpenCollections::at(const Place& place) const {
  const auto found = open_.find(place);
  return found == open_.end() ? nullptr : found->second.lock();
}

void OpenCollections::add(const Place& place, std::weak_ptr<Collection> collection) {
  open_[place] = std::move(collection);
  ++generation_;
}

// A table that was connected anew has taken the place already: only one's own entry goes.
void OpenCollections::remove(const Collection& collection) noexcept {
  std::erase_if(open_, [&](const auto& entry) {
    const std::shared_ptr<Collection> other = entry.second.lock();
    return !other || other.get() == &collection;
  });
  ++generation_;
}

std::shared_ptr<CollectionSession> OpenCollections::session(const std::string& schema,
                                                            const std::string& id,
                                                            const storage::VectorSpec& spec) {
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<CollectionSession>& known = sessions_[{Place(schema, id), spec}];
  std::shared_ptr<CollectionSession> session = known.lock();
  if (!session) known = session = std::make_shared<CollectionSession>();
  return session;
}

}  // namespace kindred::sql
