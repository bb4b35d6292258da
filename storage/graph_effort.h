// What a graph's searches need to find enough, measured on a sample of its rows: which codes, and
// how much effort. Data differ by a factor of ten, and codes may say nothing of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "math/top_k.h"
#include "storage/coded_rows.h"
#include "storage/graph.h"
#include "storage/principal_codes.h"
#include "storage/scorer.h"
#include "storage/segment.h"

namespace kindred::storage {

class GraphEffort {
 public:
  // Finds the hundred vectors nearest to each of the sample's, on so many threads (0: one a
  // processor), as all else here. Throws StorageError (kCorrupt) if one is damaged. REQUIRES: the
  // segment outlives it.
  GraphEffort(const Segment& segment, const VectorSpec& spec, size_t threads);

  // Whether nearly all of them are among the rows that a search would look at by these codes: the
  // rows' own, or principal ones. Not where neighbours are much nearer to each other than rows are
  // in general: few bits do not tell them apart then.
  bool is_enough(const CodedRows& rows) const;
  bool is_enough(const CodedRows& rows, const PrincipalAxes& axes, const std::byte* codes) const;
  // By how many nodes searches have to enter, so that they come to where a row is, and the smallest
  // of a few ef, from kLeastEf to kMostEf, with which they find 98 % of them, or as many that are
  // as near. Where codes are of a prefix ef is up to kMostEfOfPrefix.
  // REQUIRES: the graph is of these rows.
  SearchEffort of(const CodedRows& rows, const Graph& graph) const;
  // The same ef for the hundred nearest, where searches find the ten with `of_ten`: up to
  // kMostEfOfHundred. 0 where codes are of a prefix.
  size_t of_hundred(const CodedRows& rows, const Graph& graph, SearchEffort of_ten) const;

 private:
  struct Sample {
    uint32_t row;
    std::unique_ptr<const Scorer> vector;  // compares it with others
    std::vector<float> distances = {};     // of the rows nearest to it, itself apart, ascending
  };

  // A row that may be among the nearest of samples_[sample].
  struct Offer {
    float distance;
    uint32_t sample;
    uint32_t row;
  };
  using Nearest = std::vector<math::TopK<uint32_t>>;  // of each sample

  float distance(const Sample& a, uint32_t b) const;
  void find_nearest();
  void compare_rows(size_t first, size_t end, std::span<const float> limits,
                    std::vector<Offer>& offers) const;
  template <class Row>
  size_t found_of(const Sample& sample, size_t nearest, std::span<const Row> looked_at) const;
  size_t found_by_keys(const Sample& sample, size_t looked_at,
                       const std::vector<float>& keys) const;
  template <class CountOf>
  size_t sum_of_samples(const CountOf& count_of) const;
  size_t wanted(size_t nearest) const noexcept;
  bool finds(size_t nearest, const CodedRows& rows, const Graph& graph, SearchEffort effort) const;
  bool is_lost(const CodedRows& rows, const Graph& graph, uint32_t row, size_t entries) const;
  size_t entries_of(const CodedRows& rows, const Graph& graph) const;

  const Segment& segment_;
  VectorSpec spec_;
  size_t threads_;
  std::vector<Sample> samples_;
};

}  // namespace kindred::storage
