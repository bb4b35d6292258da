// What a graph's searches need to find enough, measured on a sample of its rows: which codes, and
// how much effort. Data differ by a factor of ten.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "storage/coded_rows.h"
#include "storage/graph.h"
#include "storage/principal_codes.h"
#include "storage/scorer.h"
#include "storage/segment.h"

namespace kindred::storage {

class GraphEffort {
 public:
  // Finds the ten rows nearest to each row of the sample: those whose codes are, or, where codes
  // are of a prefix, whose vectors are. Throws StorageError (kCorrupt) if a vector is damaged.
  // REQUIRES: `rows` are the segment's; both outlive it.
  GraphEffort(const CodedRows& rows, const Segment& segment, const VectorSpec& spec);

  // Whether they are among the 45 nearest by principal codes, nearly all. Not where neighbours are
  // much nearer to each other than rows are in general: 4 bits do not tell them apart.
  bool is_enough(const PrincipalAxes& axes, const std::byte* codes) const;
  // The smallest of a few ef, from kLeastEf to kMostEf, with which searches find 98 % of them, or
  // as many that are as near. Where codes are of a prefix it is up to kMostEfOfPrefix.
  size_t ef_of(const Graph& graph) const;

 private:
  struct Sample {
    uint32_t row;
    // What compares it with others where codes are of a prefix; else nullptr: codes do.
    std::unique_ptr<const Scorer> vector = nullptr;
    size_t wanted = 0;                   // rows nearest to it, itself apart
    float farthest = 0;                  // of them
    std::vector<uint32_t> nearest = {};  // these rows, where codes compare it
  };

  float distance(const Sample& a, const CodedQuery& codes_of_a, uint32_t b) const;
  float distance(const Scorer& a, uint32_t b) const;
  void find_nearest_codes(Sample& sample) const;
  void find_nearest_vectors();
  size_t found_of(const Sample& sample, std::span<const GraphHit> hits) const;
  double recall(const Graph& graph, size_t ef) const;

  const CodedRows& rows_;
  const Segment& segment_;
  VectorSpec spec_;
  std::vector<Sample> samples_;
};

}  // namespace kindred::storage
