// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

TEST_CASE("kindred_version is the project's", "[sql]") {
  Database db;
  CHECK(db.one("SELECT kindred_version() GLOB '[0-9]*.[0-9]*.[0-9]*'") == "1");
}

TEST_CASE("kindred_info lists the versions of all parts as JSON", "[sql]") {
  Database db;
  CHECK(db.one("SELECT group_concat(key) FROM json_each(kindred_info()) WHERE value <> ''") ==
        "kindred,sqlite,rocksdb,hnswlib,xsimd,isa");
  CHECK(db.one("SELECT kindred_info() ->> 'kindred' = kindred_version(), "
               "kindred_info() ->> 'sqlite' = sqlite_version()") == "1|1");
}

TEST_CASE("the instruction set in use is the one that is forced", "[sql][isa]") {
  Database db;
  const char* forced = std::getenv("KINDRED_FORCE_ISA");
  if (forced == nullptr) return;
  CHECK(db.one("SELECT kindred_info() ->> 'isa'") == forced);
}
