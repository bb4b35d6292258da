// For the extension, which loads RocksDB when it first needs it.
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "storage/error.h"
#include "storage/rocksdb/rocksdb_library.h"

namespace kindred::storage {
namespace {

constexpr char kName[] = "kindred_rocksdb.so";
constexpr char kSymbol[] = "kindred_rocksdb";

// The file that this code was loaded from, symbolic links followed. Looked up while that is being
// loaded: its name may be relative to a folder that the process leaves.
struct OwnFile {
  OwnFile() noexcept {
    Dl_info info{};
    if (::dladdr(&kName, &info) == 0 || ::realpath(info.dli_fname, path) == nullptr) path[0] = '\0';
  }
  char path[PATH_MAX];
};
const OwnFile own_file;

std::string beside_own_file() {
  const std::string own = own_file.path;
  return own.substr(0, own.rfind('/') + 1) + kName;
}

[[noreturn]] void fail(const std::string& why) {
  throw StorageError(Fault::kIo, why);
}

// Where none is beside the extension it may be wherever the dynamic linker looks.
const RocksdbLibrary& load() {
  const std::string beside = beside_own_file();
  const char* path = ::access(beside.c_str(), F_OK) == 0 ? beside.c_str() : kName;
  void* const handle = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = ::dlerror();
    fail(std::string("RocksDB cannot be loaded: ") + why + "; " + kName + " belongs beside " +
         own_file.path);
  }
  const auto* library = static_cast<const RocksdbLibrary*>(::dlsym(handle, kSymbol));
  if (library == nullptr) fail(std::string(kName) + " is damaged: it lacks " + kSymbol);
  const std::string version = library->version;
  if (version != KINDRED_VERSION)
    fail(std::string(kName) + " is of kindred " + version + ", " + own_file.path + " of " +
         KINDRED_VERSION + ": both have to be of one version");
  return *library;
}

std::atomic<const RocksdbLibrary*> loaded{nullptr};

}  // namespace

const RocksdbLibrary& rocksdb_library() {
  static const RocksdbLibrary& library = load();
  loaded = &library;
  return library;
}

const RocksdbLibrary* rocksdb_library_if_loaded() noexcept {
  return loaded;
}

}  // namespace kindred::storage
