// The ids that a stretch of the log is about: what it says of them goes before what lies in older
// places. A hash table with open addressing; one thread adds (under the owner's lock) while others
// look up without one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace kindred::storage {

class ChangedIds {
 public:
  // The ids added so far, at a fixed size; grows by being replaced.
  class Table {
   public:
    explicit Table(size_t slots);
    // Whether the id has been added with a change number of at most `cn`. Thread-safe.
    bool contains(int64_t id, int64_t cn) const noexcept;

   private:
    friend class ChangedIds;
    struct Slot {
      std::atomic<int64_t> cn{0};  // of the id's first change; 0: free. Written after `id`
      int64_t id = 0;
    };
    Slot& slot_of(int64_t id) const noexcept;

    size_t mask_;
    std::unique_ptr<Slot[]> slots_;
  };

  ChangedIds();
  // REQUIRES: cn > 0, and not below those of earlier calls. Throws nothing after make_room().
  void add(int64_t id, int64_t cn);
  // For one more id.
  void make_room();
  // Answers for every change number up to that of the last add(), also after later ones.
  std::shared_ptr<const Table> table() const noexcept { return table_; }

 private:
  std::shared_ptr<Table> table_;
  size_t used_ = 0;
};

// The ids changed up to a point of the log.
struct Changes {
  std::shared_ptr<const ChangedIds::Table> ids;
  int64_t cn = 0;
  bool contains(int64_t id) const noexcept { return ids->contains(id, cn); }
};

}  // namespace kindred::storage
