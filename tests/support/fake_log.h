// A collection's log in memory, as storage reads it: with a model of what it says. Copy it to keep
// a snapshot.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/log/log.h"
#include "tests/support/random.h"

namespace kindred::test {

// The bytes of each id's vector.
using Vectors = std::map<int64_t, std::string>;

class FakeLog final : public storage::LogReader {
 public:
  struct Row {
    int64_t nonce;
    int64_t id;
    int64_t op;
    std::string vector;
  };

  void put(int64_t id, std::string vector) {
    write(id, storage::Op::kPut, vector);
    vectors[id] = std::move(vector);
  }
  void erase(int64_t id) {
    write(id, storage::Op::kDelete, "");
    vectors.erase(id);
  }
  // What optimize does: removes the rows that no longer count.
  void cut() {
    std::map<int64_t, int64_t> newest;
    for (const auto& [cn, row] : rows)
      if (row.op != static_cast<int64_t>(storage::Op::kCut)) newest[row.id] = cn;
    std::erase_if(rows, [&](const auto& entry) {
      const Row& row = entry.second;
      return row.op != static_cast<int64_t>(storage::Op::kPut) || newest[row.id] != entry.first;
    });
    write(0, storage::Op::kCut, "");
  }

  // What a seal does: everything up to now moves elsewhere; `lazy` leaves the rows in the log.
  void seal(bool lazy) {
    sealed_cn = last().cn;
    sealed_vectors = vectors;
    if (!lazy) rows.clear();
  }

  int64_t sealed() override { return sealed_cn; }
  storage::LogPoint last() override {
    if (rows.empty() || rows.rbegin()->first <= sealed_cn) return {sealed_cn, 0};
    return {rows.rbegin()->first, rows.rbegin()->second.nonce};
  }
  std::optional<int64_t> nonce_at(int64_t cn) override {
    const auto row = rows.find(cn);
    return row == rows.end() ? std::nullopt : std::optional(row->second.nonce);
  }
  void read_after(int64_t cn, const std::function<bool(const storage::LogRow&)>& visit) override {
    for (auto row = rows.upper_bound(cn); row != rows.end(); ++row) {
      ++rows_read;
      const Row& r = row->second;
      if (!visit({row->first, r.nonce, r.id, r.op, r.vector})) return;
    }
  }

  std::map<int64_t, Row> rows;  // by change number
  Vectors vectors;              // of all ids, sealed ones too
  int64_t sealed_cn = 0;
  Vectors sealed_vectors;  // as they were sealed
  int64_t next_cn = 1;
  int64_t rows_read = 0;

 private:
  void write(int64_t id, storage::Op op, std::string vector) {
    static int64_t nonce = 1000;
    rows[next_cn++] = {++nonce, id, static_cast<int64_t>(op), std::move(vector)};
  }
};

// What layers say, row by row; an id that answers twice gets the vector "twice".
inline Vectors vectors_in(const std::vector<storage::RowLayer>& layers, size_t bytes) {
  Vectors found;
  for (const storage::RowLayer& slice : layers) {
    std::vector<uint32_t> rows;
    if (slice.only)
      rows = *slice.only;
    else
      for (uint32_t i = 0; i < slice.count; ++i) rows.push_back(i);
    for (const uint32_t row : rows) {
      if (row >= slice.count || !slice.alive(row) || slice.is_hidden(row)) continue;
      const storage::RowBlock& chunk = slice.block_of(row);
      const size_t i = row % slice.block_rows;
      if (slice.is_changed(chunk.id(i))) continue;
      std::string vector(reinterpret_cast<const char*>(chunk.row(i)), bytes);
      if (!found.emplace(chunk.id(i), std::move(vector)).second) found[chunk.id(i)] = "twice";
    }
  }
  return found;
}

// The same with the sealed vectors that the log's changes leave.
inline Vectors vectors_in(const storage::LogLayers& log, const Vectors& sealed, size_t bytes) {
  Vectors found = vectors_in(log.layers, bytes);
  for (const auto& [id, vector] : sealed) {
    bool changed = false;
    for (const storage::Changes& changes : log.changes) changed = changed || changes.contains(id);
    if (!changed && !found.emplace(id, vector).second) found[id] = "twice";
  }
  return found;
}

}  // namespace kindred::test
