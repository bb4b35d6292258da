// Stores shared by the connections of a process, idle ones, and forks.
// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/shared_store.h"

#include <thread>

#include "storage/error.h"
#include "tests/support/catch.h"
#include "tests/support/store_process.h"

namespace kindred::test {
namespace {

using storage::close_idle_stores;
using storage::shared_store;
using storage::StorageError;
using storage::Store;

constexpr std::chrono::seconds kAtOnce{0};

}  // namespace

TEST_CASE("a process shares one store, however its folder is spelled", "[store]") {
  const StoreFolder folder;
  const std::shared_ptr<Store> one = shared_store(folder.path());
  const std::shared_ptr<Store> two = shared_store(folder.path() + "/../rocksdb");
  CHECK(one == two);
  const StoreFolder other;
  CHECK(shared_store(other.path()) != one);
  close_idle_stores(kAtOnce);
}

TEST_CASE("a store stays open for a while after its last user", "[store]") {
  const StoreFolder folder;
  const Store* first = shared_store(folder.path()).get();
  close_idle_stores();
  CHECK_THROWS_AS(Store(folder.path()), StorageError);  // it is open still
  CHECK(shared_store(folder.path()).get() == first);
  close_idle_stores(kAtOnce);
  const Store alone(folder.path());
}

TEST_CASE("a store in use is not idle", "[store]") {
  const StoreFolder folder;
  const std::shared_ptr<Store> user = shared_store(folder.path());
  close_idle_stores(kAtOnce);
  ingest(*user, 1, {1});
  CHECK(shared_store(folder.path()) == user);
  CHECK_THROWS_AS(Store(folder.path()), StorageError);
}

TEST_CASE("a store that could not be opened is opened at the next attempt", "[store]") {
  const StoreFolder folder;
  StoreProcess other({"hold", folder.path()});
  REQUIRE(other.line() == "open");
  CHECK_THROWS_AS(shared_store(folder.path()), StorageError);
  CHECK(other.finish() == 0);
  CHECK(shared_store(folder.path())->id() > 0);
  close_idle_stores(kAtOnce);
}

TEST_CASE("threads share a store that comes and goes", "[store][threads]") {
  const StoreFolder folder;
  std::vector<std::thread> threads;
  for (int64_t number = 0; number < 4; ++number)
    threads.emplace_back([&folder, number] {
      for (int64_t i = 0; i < 10; ++i) {
        ingest(*shared_store(folder.path()), number * 100 + i, ids_up_to(20));
        close_idle_stores(kAtOnce);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(shared_store(folder.path())->segments().size() == 40);
  close_idle_stores(kAtOnce);
}

TEST_CASE("a forked child cannot use the store and ends well; its parent goes on", "[store]") {
  const StoreFolder folder;
  StoreProcess process({"fork", folder.path()});
  CHECK(process.line() == "busy");
  CHECK(process.line() == "flushed");
  CHECK(process.line() == "child 3");
  CHECK(process.line() == "kept 2");
  CHECK(process.finish() == 0);
  const Store store(folder.path());
  CHECK(store.segments() == std::vector<int64_t>{1, 2});
}

}  // namespace kindred::test
