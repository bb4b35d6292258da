// Removes what no manifest names: files of segments and their key ranges in the store, left behind
// by crashes, rollbacks, merges and DROP TABLE.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/file.h"
#include "storage/rocksdb/store.h"
#include "storage/segments/segment_folder.h"

namespace kindred::storage {

// Files that were written or retired less long ago stay for readers of older snapshots.
inline constexpr std::chrono::seconds kGrace{60};

class Sweep {
 public:
  // Of the files that are older than `grace`.
  Sweep(const SegmentFolder& folder, std::chrono::seconds grace);

  // Takes the locks of the next files that nobody prepares, adopts or maps: no more at once than a
  // process can well have open. false if none is left. What is named is to be read after this:
  // whoever held a lock has committed by then.
  bool take_next();

  bool is_needed() const noexcept { return !candidates_.empty(); }
  // Forgets the candidates that are named.
  void keep(const std::set<int64_t>& named);
  // Removes the others, and the key ranges that have neither name nor file. Throws StorageError;
  // what is left then is found by the next sweep. REQUIRES: keep(); a power loss cannot take the
  // manifest back to a state that names them.
  void remove(Store& store, const std::set<int64_t>& named);

 private:
  struct Candidate {
    std::unique_ptr<File> file;      // locked
    std::optional<int64_t> segment;  // nullopt: a draft, which nobody names
    bool is_graph = false;           // of the segment, which has a file of its own
  };

  SegmentFolder folder_;
  std::vector<std::string> old_;       // files that have not been taken yet
  std::vector<Candidate> candidates_;  // those that have been
};

// Whether a database's folder is to be swept: when this process comes to it, after sweep_soon(),
// and every few minutes. Says so once. Thread-safe, as the other.
bool is_sweep_due(const SegmentFolder& folder);
void sweep_soon(const SegmentFolder& folder);

}  // namespace kindred::storage
