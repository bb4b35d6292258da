// Threads that share the parts of one piece of work after another. Which thread does which part is
// left to chance, so parts that do not depend on each other give the same result on any number.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace kindred::model {

class Workers {
 public:
  // `threads`: the caller's among them, which works too; 0: one for each core. Fewer where the
  // system gives no more.
  explicit Workers(size_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  size_t size() const noexcept { return 1 + threads_.size(); }

  // Calls work(part, worker) for each part of 0..parts - 1, where worker < size() is no other
  // thread's at that time, and returns when all are done. `work` must not throw. One caller at a
  // time.
  using Work = std::function<void(size_t part, size_t worker)>;
  void share(size_t parts, const Work& work);

 private:
  void run(size_t worker);
  void take_parts(size_t worker);

  std::vector<std::thread> threads_;
  std::atomic<uint32_t> round_{0};  // of work; the threads wait for the next one
  std::atomic<uint32_t> busy_{0};   // threads that have not ended the round
  std::atomic<size_t> next_{0};     // part
  bool ends_ = false;               // these are written before a round begins
  size_t parts_ = 0;
  const Work* work_ = nullptr;
};

}  // namespace kindred::model
