// SPDX-License-Identifier: Apache-2.0
#include "storage/log/changed_ids.h"

namespace kindred::storage {
namespace {

constexpr size_t kFirstSlots = 64;

// Ids often count upwards: multiplying spreads them (Knuth, The Art of Computer Programming 6.4).
size_t spread(int64_t id) noexcept {
  const uint64_t product = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15ULL;
  return static_cast<size_t>(product >> 32);
}

}  // namespace

ChangedIds::Table::Table(size_t slots) : mask_(slots - 1), slots_(new Slot[slots]) {}

ChangedIds::Table::Slot& ChangedIds::Table::slot_of(int64_t id) const noexcept {
  size_t i = spread(id) & mask_;
  while (slots_[i].cn.load(std::memory_order_acquire) != 0 && slots_[i].id != id)
    i = (i + 1) & mask_;
  return slots_[i];
}

bool ChangedIds::Table::contains(int64_t id, int64_t cn) const noexcept {
  const int64_t first = slot_of(id).cn.load(std::memory_order_acquire);
  return first != 0 && first <= cn;
}

ChangedIds::ChangedIds() : table_(std::make_shared<Table>(kFirstSlots)) {}

void ChangedIds::add(int64_t id, int64_t cn) {
  if (table_->slot_of(id).cn.load(std::memory_order_relaxed) != 0) return;
  make_room();
  Table::Slot& slot = table_->slot_of(id);
  slot.id = id;
  slot.cn.store(cn, std::memory_order_release);
  ++used_;
}

void ChangedIds::make_room() {
  const size_t slots = table_->mask_ + 1;
  if (2 * (used_ + 1) <= slots) return;
  auto larger = std::make_shared<Table>(2 * slots);
  for (size_t i = 0; i < slots; ++i) {
    const Table::Slot& old = table_->slots_[i];
    const int64_t first = old.cn.load(std::memory_order_relaxed);
    if (first == 0) continue;
    Table::Slot& moved = larger->slot_of(old.id);
    moved.id = old.id;
    moved.cn.store(first, std::memory_order_relaxed);
  }
  table_ = std::move(larger);
}

}  // namespace kindred::storage
