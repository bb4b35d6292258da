// What storage throws: a reason class that SQL turns into SQLite's code, and a text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace kindred::storage {

enum class Fault {
  kCorrupt,  // bytes that no correct program wrote, or one newer than this
  kMissing,  // a file or segment that should be there
  kBusy,     // in use by another process, or by this one in a way that cannot be shared
  kFull,     // no space left
  kIo,       // anything else the operating system refused
};

class StorageError : public std::runtime_error {
 public:
  StorageError(Fault fault, const std::string& message)
      : std::runtime_error(message), fault_(fault) {}
  Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

}  // namespace kindred::storage
