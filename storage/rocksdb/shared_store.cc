// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/shared_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "storage/error.h"

namespace kindred::storage {
namespace {

using Clock = std::chrono::steady_clock;

// Which folder a path leads to: another one once it has been moved or replaced.
struct FolderIdentity {
  dev_t device = 0;
  ino_t file = 0;
  bool operator==(const FolderIdentity&) const = default;
};

FolderIdentity identity_of(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino};
}

struct OpenStore {
  std::unique_ptr<Store> store;
  FolderIdentity identity;
  std::weak_ptr<Store> users;   // what they hold: its deleter does not close the store
  Clock::time_point last_used;  // when the last of them let go
};

struct OpenStores {
  std::mutex mutex;
  std::map<std::string, OpenStore> by_folder;  // guarded by mutex
};

// Never destroyed: RocksDB has statics of its own, which might go first.
OpenStores& open_stores() {
  static OpenStores* const stores = new OpenStores;
  return *stores;
}

// Closes under the lock: whoever wants the store meanwhile waits, rather than finding it locked.
void close_idle(OpenStores& stores, Clock::duration idle) {
  const Clock::time_point now = Clock::now();
  std::erase_if(stores.by_folder, [&](const auto& entry) {
    const OpenStore& open = entry.second;
    return open.users.expired() && (now - open.last_used >= idle || open.store->needs_reopening());
  });
}

// Called by whoever was the last to hold the store.
void let_go(const std::string& folder) noexcept {
  if (Store::is_forked()) return;  // the mutex may have been held at the fork
  OpenStores& stores = open_stores();
  const std::lock_guard lock(stores.mutex);
  const auto entry = stores.by_folder.find(folder);
  if (entry != stores.by_folder.end()) entry->second.last_used = Clock::now();
}

// No deleter: where memory is short a shared_ptr runs that at once, under the lock it takes.
struct User {
  explicit User(const std::string& store) : folder(store) {}
  ~User() { let_go(folder); }
  User(const User&) = delete;
  User& operator=(const User&) = delete;
  const std::string folder;
};

// REQUIRES: the lock is held.
std::shared_ptr<Store> share(OpenStore& open, const std::string& folder) {
  std::shared_ptr<Store> user(std::make_shared<User>(folder), open.store.get());
  open.users = user;
  return user;
}

}  // namespace

std::shared_ptr<Store> shared_store(const std::string& folder) {
  if (Store::is_forked())
    throw StorageError(
        Fault::kBusy,
        "store " + folder + ": this process was forked from one that had used a store");
  std::error_code error;
  const std::string path = std::filesystem::weakly_canonical(folder, error).string();
  if (error)
    throw StorageError(fault_of_errno(error.value()), "store " + folder + ": " + error.message());
  OpenStores& stores = open_stores();
  const std::lock_guard lock(stores.mutex);
  auto entry = stores.by_folder.find(path);
  if (entry != stores.by_folder.end()) {
    const bool is_there = entry->second.identity == identity_of(path);
    if (std::shared_ptr<Store> user = entry->second.users.lock()) {
      if (is_there) return user;
      throw StorageError(Fault::kBusy, "store " + path + ": was replaced while it is in use");
    }
    if (is_there && !entry->second.store->needs_reopening()) return share(entry->second, path);
    stores.by_folder.erase(entry);
  }
  close_idle(stores, kIdle);
  auto store = std::make_unique<Store>(path);
  OpenStore& open = stores.by_folder[path];
  open.store = std::move(store);
  open.identity = identity_of(path);
  return share(open, path);
}

std::shared_ptr<Store> shared_store_if_free(const std::string& folder) {
  try {
    return shared_store(folder);
  } catch (const StorageError& error) {
    if (error.fault() != Fault::kBusy) throw;
    return nullptr;
  }
}

void close_idle_stores(Clock::duration idle) {
  if (Store::is_forked()) return;
  OpenStores& stores = open_stores();
  const std::lock_guard lock(stores.mutex);
  close_idle(stores, idle);
}

}  // namespace kindred::storage
