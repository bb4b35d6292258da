// What a long command does beside its work: stops where sqlite3_interrupt() has asked for it, and
// draws a bar on stderr where that is a terminal and a second has passed:
//
//   films: optimize  43% [=========            ] 430000 of 1000000, 47000/s, 12 s left
//
// The line is taken away when the command ends, whichever way. Nothing else is ever written.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sql/sqlite.h"
#include "sql/statement.h"

namespace kindred::sql {

class Progress {
 public:
  // `what` opens the line; `total` is how often, in units of any kind, advance() is going to count.
  Progress(sqlite3* db, std::string what, uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Counts units that are done. Throws Error (SQLITE_INTERRUPT) at an interrupt. Costs nothing but
  // once in kStride units.
  void advance(uint64_t units = 1) {
    done_ += units;
    if (done_ - looked_at_ >= kStride) look();
  }
  // The same by the number of all that are done, for who counts in large steps: looks each time.
  // Fewer than before is only a sign of life.
  void advance_to(uint64_t done) {
    if (done > done_) done_ = done;
    look();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t kStride = 64;

  void look();
  void draw(Clock::time_point now);

  std::string what_;
  uint64_t total_;
  uint64_t done_ = 0;
  uint64_t looked_at_ = 0;
  InterruptCheck stop_if_interrupted_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point next_;  // when the bar is drawn
  bool on_terminal_;
  bool drawn_ = false;
};

}  // namespace kindred::sql
