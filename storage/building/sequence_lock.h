// A sequence lock: odd while somebody holds it. Who reads what it protects looks at it before and
// afterwards and writes nothing, so that readers do not take lines of memory from each other. What
// is read is loaded with acquire and stored with release, which needs no fences (Boehm 2012, "Can
// Seqlocks Get Along With Programming Language Memory Models?").
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace kindred::storage {

using Sequence = std::atomic_ref<uint16_t>;

// Its value while nobody holds it; until then others have their turn.
inline uint16_t await_free(const Sequence& sequence) noexcept {
  for (;;) {
    const uint16_t value = sequence.load(std::memory_order_acquire);
    if (value % 2 == 0) return value;
    std::this_thread::yield();
  }
}

// Holds one, or none.
class Held {
 public:
  explicit Held(uint16_t* sequence) noexcept : sequence_(sequence) {
    if (sequence_ == nullptr) return;
    const Sequence held(*sequence_);
    uint16_t value = await_free(held);
    while (!held.compare_exchange_weak(value, static_cast<uint16_t>(value + 1),
                                       std::memory_order_acquire, std::memory_order_relaxed))
      value = await_free(held);
  }
  ~Held() {
    if (sequence_ == nullptr) return;
    const Sequence held(*sequence_);
    held.store(static_cast<uint16_t>(held.load(std::memory_order_relaxed) + 1),
               std::memory_order_release);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  uint16_t* sequence_;
};

}  // namespace kindred::storage
