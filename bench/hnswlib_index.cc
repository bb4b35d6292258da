// SPDX-License-Identifier: Apache-2.0
#include "bench/graph_index.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <hnswlib/hnswlib.h>

namespace kindred::bench {
namespace {

constexpr size_t kLinks = 16;

struct Index {
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
  Index(size_t dim, Space of) {
    if (of == Space::kL2)
      space = std::make_unique<hnswlib::L2Space>(dim);
    else
      space = std::make_unique<hnswlib::InnerProductSpace>(dim);
  }
};

void build(const float* vectors, size_t rows, size_t dim, Space space, size_t ef_construction,
           size_t threads, const char* path) {
  Index index(dim, space);
  index.graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(index.space.get(), rows, kLinks,
                                                                  ef_construction);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t row = next++; row < rows; row = next++)
      index.graph->addPoint(vectors + row * dim, row);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  index.graph->saveIndex(path);
}

void* load(const char* path, size_t dim, Space space) {
  auto* index = new Index(dim, space);
  index->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(index->space.get(), path);
  return index;
}

void search(void* index, const float* query, size_t k, size_t ef, uint32_t* rows) {
  auto& graph = *static_cast<Index*>(index)->graph;
  graph.setEf(ef);
  auto found = graph.searchKnn(query, k);
  for (size_t i = found.size(); i > 0; --i, found.pop())
    rows[i - 1] = static_cast<uint32_t>(found.top().second);
}

void free_index(void* index) {
  delete static_cast<Index*>(index);
}

constexpr GraphIndex kIndex{build, load, search, free_index};

}  // namespace

extern "C" __attribute__((visibility("default"))) const GraphIndex* KINDRED_HNSWLIB_NAME() {
  return &kIndex;
}

}  // namespace kindred::bench
