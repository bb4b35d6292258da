// SPDX-License-Identifier: Apache-2.0
#include "model/train/row_sample.h"

#include <algorithm>

#include "model/word_rarity.h"

namespace kindred::model {
namespace {

constexpr size_t kRowOverhead = sizeof(RowSample::Row) + 64;

bool higher(const RowSample::Row& a, const RowSample::Row& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.number < b.number;
}

std::string_view cut(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

RowSample::Row row_of(std::span<const std::string_view> texts) {
  RowSample::Row row{0, 0, mix(texts.size()), {}, kRowOverhead};
  size_t left = RowSample::kRowBytes;
  for (const std::string_view text : texts) {
    row.texts.emplace_back(cut(text, left));
    const std::string& kept = row.texts.back();
    left -= kept.size();
    row.bytes += kept.size() + sizeof kept;
    row.hash = mix(row.hash ^ std::hash<std::string_view>()(kept));
  }
  return row;
}

}  // namespace

void RowSample::add(std::span<const std::string_view> texts) {
  const uint64_t priority = random_.next(), number = added_++;
  if (priority < bar_) return;
  Row row = row_of(texts);
  row.priority = priority;
  row.number = number;
  if (!hashes_.insert(row.hash).second) return;
  kept_ += row.bytes;
  rows_.push_back(std::move(row));
  std::push_heap(rows_.begin(), rows_.end(), higher);
  while (kept_ > bytes_ && rows_.size() > 1) {
    std::pop_heap(rows_.begin(), rows_.end(), higher);
    bar_ = rows_.back().priority;
    kept_ -= rows_.back().bytes;
    hashes_.erase(rows_.back().hash);
    rows_.pop_back();
  }
}

std::vector<RowSample::Row> RowSample::take() {
  std::sort(rows_.begin(), rows_.end(),
            [](const Row& a, const Row& b) { return a.number < b.number; });
  return std::move(rows_);
}

}  // namespace kindred::model
