// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <usearch/index_dense.hpp>

#include "bench/graph_index.h"

namespace kindred::bench {
namespace {

namespace us = unum::usearch;

constexpr size_t kLinks = 16;

template <us::scalar_kind_t kScalar>
us::index_dense_t make(size_t dim, Space space, size_t ef_construction) {
  const us::metric_punned_t metric(
      dim, space == Space::kL2 ? us::metric_kind_t::l2sq_k : us::metric_kind_t::ip_k, kScalar);
  auto made = us::index_dense_t::make(metric, us::index_dense_config_t(kLinks, ef_construction));
  if (!made) throw std::runtime_error("usearch: no index");
  return std::move(made.index);
}

template <us::scalar_kind_t kScalar>
void build(const float* vectors, size_t rows, size_t dim, Space space, size_t ef_construction,
           size_t threads, const char* path) {
  us::index_dense_t index = make<kScalar>(dim, space, ef_construction);
  index.reserve({rows, threads});
  std::atomic<size_t> next{0};
  const auto work = [&](size_t thread) {
    for (size_t row = next++; row < rows; row = next++) index.add(row, vectors + row * dim, thread);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(work, i);
  work(0);
  for (std::thread& other : others) other.join();
  if (!index.save(path)) throw std::runtime_error(std::string("usearch: not saved: ") + path);
}

template <us::scalar_kind_t kScalar>
void* load(const char* path, size_t dim, Space space) {
  auto* index = new us::index_dense_t(make<kScalar>(dim, space, 0));
  if (!index->load(path)) throw std::runtime_error(std::string("usearch: not loaded: ") + path);
  return index;
}

void search(void* at, const float* query, size_t k, size_t ef, uint32_t* rows) {
  auto& index = *static_cast<us::index_dense_t*>(at);
  index.change_expansion_search(ef);
  const auto found = index.search(query, k);
  for (size_t i = 0; i < found.size(); ++i) rows[i] = static_cast<uint32_t>(found[i].member.key);
}

void free_index(void* index) {
  delete static_cast<us::index_dense_t*>(index);
}

template <us::scalar_kind_t kScalar>
constexpr GraphIndex kIndex{build<kScalar>, load<kScalar>, search, free_index};

}  // namespace

extern "C" __attribute__((visibility("default"))) const GraphIndex* usearch_f32() {
  return &kIndex<us::scalar_kind_t::f32_k>;
}
extern "C" __attribute__((visibility("default"))) const GraphIndex* usearch_i8() {
  return &kIndex<us::scalar_kind_t::i8_k>;
}

}  // namespace kindred::bench
