// SPDX-License-Identifier: Apache-2.0
#include "model/train/workers.h"

#include <algorithm>
#include <exception>

namespace kindred::model {

Workers::Workers(size_t threads) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  threads_.reserve(threads - 1);
  try {
    for (size_t i = 1; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
  } catch (const std::exception&) {  // no memory, or no thread to be had: fewer will do
  }
}

Workers::~Workers() {
  ends_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::share(size_t parts, const Work& work) {
  if (threads_.empty() || parts < 2) {
    for (size_t part = 0; part < parts; ++part) work(part, 0);
    return;
  }
  parts_ = parts;
  work_ = &work;
  next_ = 0;
  busy_ = static_cast<uint32_t>(threads_.size());
  ++round_;
  round_.notify_all();
  take_parts(0);
  for (uint32_t busy; (busy = busy_) != 0;) busy_.wait(busy);
}

void Workers::run(size_t worker) {
  for (uint32_t round = 0;;) {
    round_.wait(round);
    ++round;
    if (ends_) return;
    take_parts(worker);
    if (--busy_ == 0) busy_.notify_one();
  }
}

void Workers::take_parts(size_t worker) {
  for (size_t part; (part = next_++) < parts_;) (*work_)(part, worker);
}

}  // namespace kindred::model
