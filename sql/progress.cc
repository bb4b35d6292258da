// SPDX-License-Identifier: Apache-2.0
#include "sql/progress.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace kindred::sql {
namespace {

constexpr std::chrono::seconds kQuiet{1};  // what is done by then needs no bar
constexpr std::chrono::milliseconds kBetween{100};
constexpr size_t kBarWidth = 20;
constexpr size_t kLongestName = 32;  // bytes: all fits into 80 columns, or nearly so
constexpr std::string_view kEraseLine = "\r\x1b[K";

// A terminal that takes no more misses a bar: no reason to fail.
void print(std::string_view text) noexcept {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

// A table's name may hold anything, escape sequences too.
std::string printable(std::string text) {
  if (text.size() > kLongestName) text.resize(kLongestName);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return text;
}

}  // namespace

Progress::Progress(sqlite3* db, std::string what, uint64_t total)
    : what_(printable(std::move(what))),
      total_(total),
      stop_if_interrupted_(db),
      next_(begun_ + kQuiet),
      on_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_) print(kEraseLine);
}

void Progress::look() {
  looked_at_ = done_;
  stop_if_interrupted_();
  if (!on_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (now >= next_) draw(now);
}

void Progress::draw(Clock::time_point now) {
  next_ = now + kBetween;
  drawn_ = true;
  const uint64_t done = std::min(done_, total_);  // a total may be an estimate
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 1;
  const double elapsed = std::chrono::duration<double>(now - begun_).count();
  const auto filled = static_cast<size_t>(share * kBarWidth);
  std::string line(kEraseLine);
  line += what_ + " " + std::to_string(static_cast<int>(share * 100)) + "% [";
  line += std::string(filled, '=') + std::string(kBarWidth - filled, ' ') + "] ";
  line += std::to_string(done) + " of " + std::to_string(total_);
  if (share > 0) {
    line += ", " + std::to_string(static_cast<int64_t>(static_cast<double>(done) / elapsed));
    line += "/s, " + std::to_string(static_cast<int64_t>(elapsed / share - elapsed + 0.5));
    line += " s left";
  }
  print(line);
}

}  // namespace kindred::sql
