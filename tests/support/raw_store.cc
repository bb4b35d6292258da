// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raw_store.h"

#include <rocksdb/c.h>

#include <memory>
#include <stdexcept>

namespace kindred::test {
namespace {

template <class T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};
template <class T, void (*destroy)(T*)>
using Owned = std::unique_ptr<T, Destroy<T, destroy>>;
using Options = Owned<rocksdb_options_t, rocksdb_options_destroy>;
using WriteOptions = Owned<rocksdb_writeoptions_t, rocksdb_writeoptions_destroy>;
using FlushOptions = Owned<rocksdb_flushoptions_t, rocksdb_flushoptions_destroy>;

void check(char* error) {
  if (error == nullptr) return;
  const std::string text = error;
  rocksdb_free(error);
  throw std::runtime_error("RawStore: " + text);
}

}  // namespace

RawStore::RawStore(const std::string& folder) {
  const Options options(rocksdb_options_create());
  rocksdb_options_set_compression(options.get(), rocksdb_no_compression);
  const char* const names[] = {"default", "vectors"};
  const rocksdb_options_t* const of_each[] = {options.get(), options.get()};
  char* error = nullptr;
  db_ = rocksdb_open_column_families(options.get(), folder.c_str(), 2, names, of_each, families_,
                                     &error);
  check(error);
}

RawStore::~RawStore() {
  for (rocksdb_column_family_handle_t* family : families_)
    rocksdb_column_family_handle_destroy(family);
  rocksdb_close(db_);
}

void RawStore::put(Family family, std::string_view key, std::string_view value) {
  const WriteOptions options(rocksdb_writeoptions_create());
  char* error = nullptr;
  rocksdb_put_cf(db_, options.get(), families_[family], key.data(), key.size(), value.data(),
                 value.size(), &error);
  check(error);
}

void RawStore::remove(Family family, std::string_view key) {
  const WriteOptions options(rocksdb_writeoptions_create());
  char* error = nullptr;
  rocksdb_delete_cf(db_, options.get(), families_[family], key.data(), key.size(), &error);
  check(error);
}

void RawStore::merge_files() {
  const FlushOptions options(rocksdb_flushoptions_create());
  char* error = nullptr;
  rocksdb_flush_cf(db_, options.get(), families_[kVectors], &error);
  check(error);
  rocksdb_compact_range_cf(db_, families_[kVectors], nullptr, 0, nullptr, 0);
}

}  // namespace kindred::test
