// What a graph's searches need to find enough, measured on a sample of its rows: which codes, and
// how much effort. Data differ by a factor of ten, and codes may say nothing of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "math/top_k.h"
#include "storage/building/coded_rows.h"
#include "storage/graphs/graph.h"
#include "storage/graphs/principal_codes.h"
#include "storage/nearest/scorer.h"
#include "storage/segments/segment.h"

namespace kindred::storage {

class GraphEffort {
 public:
  // Takes a sample: rows, and questions from between two rows. Finds the hundred vectors nearest to
  // each, on so many threads (0: one a processor), as all else here. Throws StorageError (kCorrupt)
  // if a vector is damaged. REQUIRES: the segment outlives it.
  GraphEffort(const Segment& segment, const VectorSpec& spec, size_t threads);

  // Whether nearly all that are near to the sample's rows are among those that a search would look
  // at by these codes: the rows' own, or principal ones. Not where neighbours are much nearer to
  // each other than rows are in general: few bits do not tell them apart then.
  bool is_enough(const CodedRows& rows) const;
  bool is_enough(const CodedRows& rows, const PrincipalAxes& axes, const std::byte* codes) const;
  // With which power of the distance from a row, under l2 of its square, the number of rows within
  // it grows, between the tenth and the hundredth: the median of the sample (Houle 2013,
  // "Dimensionality, Discriminability, Density & Distance Distributions"). 0 where there is none
  // below kMostGrowth, or distances do not begin at 0.
  float growth() const;
  // By how many nodes searches have to enter, so that they come to where a row is, and to what is
  // near to a question that is like no row; and the smallest of a few ef, from kLeastEf to kMostEf,
  // with which the sample's rows would find 98 % of their nearest, or as many that are as near, if
  // they were no rows, and nearly all rows find themselves. Where codes are of a prefix ef is up to
  // kMostEfOfPrefix.
  // REQUIRES: the graph is of the segment.
  SearchEffort of(const Graph& graph) const;
  // The same ef for the hundred nearest, where searches find the ten with `of_ten`: up to
  // kMostEfOfHundred. 0 where codes are of a prefix.
  size_t of_hundred(const Graph& graph, SearchEffort of_ten) const;

 private:
  struct Sample {
    std::optional<uint32_t> row;           // that it is
    std::unique_ptr<const Scorer> vector;  // compares it with others
    CodedQuery query;                      // borrowed from that
    std::vector<float> distances = {};     // of the rows nearest to it, itself apart, ascending
  };

  // A row that may be among the nearest of samples_[sample].
  struct Offer {
    float distance;
    uint32_t sample;
    uint32_t row;
  };
  using Nearest = std::vector<math::TopK<uint32_t>>;  // of each sample

  Sample sample_of(const void* vector, std::optional<uint32_t> row) const;
  std::span<const Sample> row_samples() const noexcept { return {samples_.data(), rows_}; }
  std::span<const Sample> between_samples() const noexcept {
    return std::span(samples_).subspan(rows_);
  }
  float distance(const Sample& a, uint32_t b) const;
  void find_nearest();
  void compare_rows(size_t first, size_t end, std::span<const float> limits,
                    std::vector<Offer>& offers) const;
  template <class Row>
  size_t found_of(const Sample& sample, size_t nearest, std::span<const Row> looked_at) const;
  size_t found_by_keys(const Sample& sample, size_t looked_at,
                       const std::vector<float>& keys) const;
  size_t found_by_graph(const Sample& sample, size_t nearest, const Graph& graph,
                        SearchEffort effort) const;
  template <class CountOf>
  size_t sum_of(std::span<const Sample> samples, const CountOf& count_of) const;
  static size_t wanted(std::span<const Sample> samples, size_t nearest) noexcept;
  std::vector<std::optional<uint32_t>> nodes_of_rows(const Graph& graph) const;
  size_t smallest_ef(size_t nearest, const Graph& graph, SearchEffort effort, size_t most) const;
  bool is_lost(const Graph& graph, uint32_t row, SearchEffort effort, size_t looked_at) const;
  double lost(const Graph& graph, SearchEffort effort, size_t looked_at) const;
  size_t entries_of(const Graph& graph) const;

  const Segment& segment_;
  VectorSpec spec_;
  size_t threads_;
  size_t step_;                  // from one row of the sample to the next
  std::vector<Sample> samples_;  // rows, then the others
  size_t rows_ = 0;              // how many of them are
};

}  // namespace kindred::storage
