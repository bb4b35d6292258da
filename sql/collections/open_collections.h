// The collections a connection has open, by name: how knn('films', ...) finds one. One object a
// connection, owned by the registrations of modules and by each collection, which may outlive them.
// Holds no statements: it outlives the moment at which the connection may have none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sql/sqlite.h"
#include "storage/format.h"

namespace kindred::sql {

class Collection;
struct CollectionSession;

// A table's schema and name, folded to lower case.
struct Place {
  Place(std::string_view schema, std::string_view table);
  std::string schema;
  std::string table;
  auto operator<=>(const Place&) const = default;
};

class OpenCollections {
 public:
  explicit OpenCollections(sqlite3* db) : db_(db) {}

  // Where SQLite would look for 'table' (temp, main, attached ones in order) or 'schema.table'.
  // Throws Error, opening with `who`, if there is no such table.
  Place locate(std::string_view name, const std::string& who) const;
  // nullptr if that collection is not open (or is none).
  std::shared_ptr<Collection> at(const Place& place) const;
  // Changes whenever a collection is opened or closed: names may mean something else then.
  uint64_t generation() const noexcept { return generation_; }

  // Called by Collection for itself.
  void add(const Place& place, std::weak_ptr<Collection> collection);
  void remove(const Collection& collection) noexcept;

  // The session of a collection by its random id, shared by all virtual table objects of it; never
  // by collections of different specs, even if somebody has given them one id.
  std::shared_ptr<CollectionSession> session(const std::string& schema, const std::string& id,
                                             const storage::VectorSpec& spec);

 private:
  bool exists(const std::string& schema, std::string_view table) const;

  sqlite3* db_;
  uint64_t generation_ = 0;
  std::map<Place, std::weak_ptr<Collection>> open_;
  std::map<std::pair<Place, storage::VectorSpec>, std::weak_ptr<CollectionSession>>
      sessions_;  // table: the random id
};

}  // namespace kindred::sql
