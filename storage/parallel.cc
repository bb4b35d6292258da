// SPDX-License-Identifier: Apache-2.0
#include "storage/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace kindred::storage {
namespace {

// Parts between two reports.
constexpr size_t kReported = 64;

class Parts {
 public:
  Parts(size_t count, const std::function<void(size_t)>& task) : count_(count), task_(task) {}

  void take(const std::function<void(size_t)>& report) noexcept {
    try {
      for (size_t part = next_++; part < count_ && !stopped_; part = next_++) {
        if (report && part % kReported == 0) report(part);
        task_(part);
      }
    } catch (...) {
      stopped_ = true;
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  // REQUIRES: all threads have ended.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const size_t count_;
  const std::function<void(size_t)>& task_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::exception_ptr error_;  // guarded by mutex_
};

}  // namespace

void in_parallel(size_t parts, size_t threads, const std::function<void(size_t)>& task,
                 const std::function<void(size_t)>& report) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  Parts shared(parts, task);
  std::vector<std::thread> others;
  try {
    for (size_t i = 1; i < std::min(threads, parts); ++i)
      others.emplace_back([&shared] { shared.take({}); });
  } catch (const std::exception&) {  // no memory, or no thread to be had: fewer will do
  }
  shared.take(report);
  for (std::thread& other : others) other.join();
  shared.rethrow();
}

}  // namespace kindred::storage
