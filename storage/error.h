// What storage throws: a reason class that SQL turns into SQLite's code, and a text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>

namespace kindred::storage {

enum class Fault {
  kCorrupt,  // bytes that no correct program wrote
  kNewer,    // written by a newer version of this program
  kMissing,  // a file that should be there
  kBusy,     // another process holds what is needed
  kFull,     // no space left on the device
  kIo,       // any other failure of the file system
};

// Whether what was wanted is not there any more, or not as it was: elsewhere it may be whole.
constexpr bool is_damage(Fault fault) noexcept {
  return fault == Fault::kCorrupt || fault == Fault::kMissing;
}

inline Fault fault_of_errno(int error) noexcept {
  if (error == ENOENT) return Fault::kMissing;
  return error == ENOSPC || error == EDQUOT ? Fault::kFull : Fault::kIo;
}

class StorageError : public std::runtime_error {
 public:
  StorageError(Fault fault, const std::string& message)
      : std::runtime_error(message), fault_(fault) {}
  Fault fault() const noexcept { return fault_; }
  bool is_damage() const noexcept { return storage::is_damage(fault_); }

 private:
  Fault fault_;
};

}  // namespace kindred::storage
