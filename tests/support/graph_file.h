// A segment file with a graph beside it, of vectors in clusters, and what brute force finds among
// them. The id of each row is its number.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/graphs/graph.h"
#include "storage/graphs/graph_format.h"
#include "storage/nearest/nearest.h"
#include "storage/segments/segment.h"
#include "tests/support/files.h"
#include "tests/support/random.h"

namespace kindred::test {

// Makes vectors of a shape:
//   clusters  around 100 centres
//   tight     as clusters, a quarter as wide
//   even      in all directions alike
//   pixels    integers from 0 to 255 around 100 centres
//   prefix    as clusters, the elements behind the spec's prefix half as large
//   norms     as clusters, each with a length and an offset of its own, from 0.1 to 10
//   twins     as clusters, of which the same 300 come again and again
// Elements of int8 are the same, rounded; bits are their signs.
class Clusters {
 public:
  Clusters(const storage::VectorSpec& spec, std::string shape, Random& random);
  std::string vector(Random& random) const;
  std::vector<std::string> vectors(size_t count, Random& random) const;

 private:
  std::string drawn(Random& random) const;

  storage::VectorSpec spec_;
  std::string shape_;
  std::vector<std::vector<float>> centres_;
  std::vector<float> lengths_;
  std::vector<float> offsets_;
  std::vector<std::string> twins_;
};

struct Found {
  std::vector<storage::Neighbor> rows;
  size_t visited = 0;
  bool is_exact = false;
};

class GraphFile {
 public:
  static constexpr storage::SegmentIdentity kIdentity{17, 4};

  // Writes the segment, without a graph.
  GraphFile(const storage::VectorSpec& spec, std::vector<std::string> vectors);
  // One that write_segment() has written.
  GraphFile(const storage::VectorSpec& spec, const std::string& path);
  static void write_segment(const std::string& path, const storage::VectorSpec& spec,
                            const std::vector<std::string>& vectors);

  const storage::VectorSpec& spec() const { return spec_; }
  const storage::Segment& segment() const { return *segment_; }
  const std::shared_ptr<const storage::Segment>& shared_segment() const { return segment_; }
  size_t rows() const { return segment_->rows(); }
  std::string graph_path() const { return segment_->graph_path(); }
  // Files in the folder.
  size_t files() const;

  // Builds the graph, which the searches below use from then on.
  void build(const storage::GraphOptions& options);
  // The file as it is now.
  std::shared_ptr<const storage::Graph> open() const;
  // Makes the checksums of a graph file's bytes fit.
  void seal(std::string& bytes) const;

  // The segment's rows with its graph, to be restricted.
  storage::RowLayer layer(const storage::DeadRows& dead = {}) const;
  // The first k rows of a stream over it.
  Found search(const std::string& query, size_t k, storage::Effort effort = {}) const;
  Found search_with(std::shared_ptr<const storage::Graph> graph, const std::string& query, size_t k,
                    storage::Effort effort) const;
  Found search_in(std::vector<storage::RowLayer> layers, const std::string& query, size_t k,
                  storage::Effort effort) const;

  // Brute force: all rows that have a distance and pass, by distance, then id.
  std::vector<storage::Neighbor> sorted(const std::string& query,
                                        const std::vector<bool>* passing = nullptr) const;
  // The part of the k nearest that was found; of rows at one distance any will do.
  double recall(const std::string& query, const std::vector<storage::Neighbor>& found, size_t k,
                const std::vector<bool>* passing = nullptr) const;
  // Rows whose distance is not theirs, that come twice, or before a nearer one.
  size_t wrong_distances(const std::string& query,
                         const std::vector<storage::Neighbor>& found) const;

 private:
  ScratchDirectory folder_;
  storage::VectorSpec spec_;
  std::shared_ptr<const storage::Segment> segment_;
  std::shared_ptr<const storage::Graph> graph_;
};

}  // namespace kindred::test
