// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/background.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "storage/rocksdb/shared_store.h"

namespace kindred::storage {
namespace {

class Worker {
 public:
  void add(std::function<void()> job) {
    if (owner_ != 0 && owner_ != ::getpid()) return;  // the mutex may have been held at the fork
    const std::lock_guard lock(mutex_);
    if (exiting_) return;
    if (owner_ == 0) {
      Store::prepare_process();
      thread_ = std::thread([this] { run(); });  // if it cannot be had, the next job tries again
      owner_ = ::getpid();
      std::atexit([] { stop_all(); });
    }
    jobs_.push_back(std::move(job));
    changed_.notify_one();
  }

  bool exiting() const noexcept { return exiting_; }

  // Never destroyed: the thread may be in it.
  static Worker& of(Lane lane) {
    static Worker* const workers = new Worker[2];
    return workers[static_cast<size_t>(lane)];
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!exiting_) {
      changed_.wait(lock, [this] { return exiting_ || !jobs_.empty(); });
      if (exiting_) return;
      std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      close_idle_stores(std::chrono::seconds(0));
      lock.lock();
    }
  }

  // Statics of libraries that the job uses are destroyed after this.
  static void stop_all() {
    for (const Lane lane : {Lane::kSegments, Lane::kGraphs}) of(lane).announce_exit();
    for (const Lane lane : {Lane::kSegments, Lane::kGraphs}) of(lane).join();
  }

  void announce_exit() {
    {
      const std::lock_guard lock(mutex_);
      exiting_ = true;
      jobs_.clear();
    }
    changed_.notify_one();
  }

  void join() {
    if (owner_ == ::getpid() && thread_.joinable()) thread_.join();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_
  std::atomic<bool> exiting_{false};
  std::atomic<pid_t> owner_{0};
  std::thread thread_;
};

}  // namespace

void in_background(Lane lane, std::function<void()> job) {
  Worker::of(lane).add(std::move(job));
}

bool is_exiting() noexcept {
  return Worker::of(Lane::kSegments).exiting();
}

}  // namespace kindred::storage
