// The bytes of a graph file, little-endian: a hierarchical navigable small world over the rows of
// one segment (Malkov & Yashunin 2018), laid out for searching. Derived from the segment's codes:
// whoever finds it missing or damaged builds it anew. docs/format.md describes it.
//
//   file  := header page (4,096 bytes), sections (each starts at a multiple of 4,096)
//   sections := nodes, rows, ends, upper, axes, sums
//   node  := numbers, link: uint32 [2M - 2], code: the segment's row of codes, or of vectors
//          | code: principal (principal_codes.h), its numbers in it, link: uint32 [2M]
//   rows  := for each node: its rows, one or more that are equal: uint32
//   ends  := for each node: rows of it and those before: uint32; empty if each has one
//   upper := for each level from 1: for each of its nodes: link: uint32 [M]
//   axes  := empty, or scale: float32, zeros up to 64 bytes, centre: float32 [axes], axes: int8
//            (principal_codes.h)
// Nodes are numbered by descending level. Lists of links end at their length or the first kNoLink.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace kindred::storage {

inline constexpr uint64_t kGraphMagic = 0x315250474e494b4bULL;  // "KKINGPR1"
// Of version 1 every row was a node: its header lacks `nodes`. Of version 5 codes are principal
// ones, of version 6 vectors though the segment has codes. There were versions 3 and 4.
inline constexpr uint32_t kGraphVersion = 2;
inline constexpr uint32_t kPrincipalGraphVersion = 5;
inline constexpr uint32_t kVectorGraphVersion = 6;
inline constexpr size_t kGraphPage = 4096;
inline constexpr uint32_t kNoLink = 0xFFFFFFFF;
inline constexpr size_t kMostLevels = 16;
inline constexpr size_t kMostLinks = 512;  // M
// GraphHeader::growth is in fourths. From the greatest on rows are all about as far.
inline constexpr float kGrowthUnit = 4;
inline constexpr double kMostGrowth = 60;

struct GraphOptions {
  size_t m = 16;  // links of a node on upper levels; about twice as many at the bottom
  size_t ef_construction = 200;  // of it two searches for them take 3/4 and 3/8: small_world.h
  uint64_t seed = 1;
  size_t threads = 0;  // 0: one a processor. With 1 the same rows give the same bytes.
};

struct NodeNumbers {
  // The key of a node, which orders as its distance does, is bias - scale * factor * compared: what
  // the kernels say of the query's codes and the node's (code_kernels.h). The factor is the
  // query's.
  float scale;
  float bias;

  // Never NaN, which does not sort: what overflows is farthest.
  float key(float factor, float compared) const noexcept {
    constexpr float kFarthest = std::numeric_limits<float>::infinity();
    const float key = bias - scale * factor * compared;
    return key < kFarthest ? key : kFarthest;
  }
};

struct GraphHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t byte_order;
  int64_t segment;       // of whose rows it is
  int64_t collection;    // random id of the collection
  uint64_t rows;         // all of the segment
  uint64_t segment_sum;  // the segment file's sums_sum: the rows lie as they did
  uint32_t dim;
  uint8_t element;
  uint8_t metric;
  uint8_t levels;  // above the bottom one
  uint8_t growth;  // in fourths: the power of a distance with which rows within it grow; 0: unknown
  uint16_t m;
  uint16_t ef_of_hundred;  // as ef, for the 100 nearest; 0: not known
  uint32_t ef_construction;
  uint32_t node_stride;                           // bytes
  uint16_t ef;                                    // that finds enough: see graph_effort.h
  uint16_t entries;                               // nodes by which a search enters a level; 0: 1
  std::array<uint64_t, kMostLevels> level_nodes;  // of level 1, 2, ...
  uint64_t sums_sum;                              // XXH3-64 of the section of checksums
  uint64_t nodes;                                 // fewer than rows where some are equal
  uint64_t header_sum;                            // XXH3-64 of all bytes before
};
static_assert(sizeof(GraphHeader) <= kGraphPage);

// Where the sections of a graph lie follows from its header.
struct GraphPlan {
  uint64_t nodes;  // offsets in bytes
  uint64_t rows;
  uint64_t ends;
  uint64_t upper;
  uint64_t axes;
  uint64_t sums;
  uint64_t sums_bytes;
  uint64_t end;

  explicit GraphPlan(const GraphHeader& header) noexcept;
};

constexpr bool has_principal_codes(const GraphHeader& header) noexcept {
  return header.version == kPrincipalGraphVersion;
}

constexpr bool has_vectors(const GraphHeader& header) noexcept {
  return header.version == kVectorGraphVersion;
}

// Axes that a principal code of so many bytes is along: two a byte, behind the node's numbers.
constexpr size_t axes_of_code(size_t bytes) noexcept {
  return 2 * (bytes - sizeof(NodeNumbers));
}

// What the section of axes begins with: their scale, and zeros. What the centre of the rows has
// along each follows.
inline constexpr size_t kAxesHead = 64;

// Where things are in a node, in bytes from its beginning, with which its numbers begin.
struct NodeLayout {
  size_t code_at = 0;
  size_t links_at = 0;
  size_t links = 0;  // at the bottom level: two of hnswlib's 2M may make room for the numbers
  size_t stride = 0;

  NodeLayout() = default;
  // With codes of so many bytes.
  constexpr NodeLayout(const GraphHeader& header, size_t code_bytes) noexcept {
    const bool is_principal = has_principal_codes(header);
    links = 2 * header.m - (is_principal ? 0 : sizeof(NodeNumbers) / sizeof(uint32_t));
    code_at = is_principal ? 0 : 2 * header.m * sizeof(uint32_t);
    links_at = is_principal ? code_bytes : sizeof(NodeNumbers);
    stride = 2 * header.m * sizeof(uint32_t) + code_bytes;
  }
};

// Whether some nodes have more rows than one.
constexpr bool has_ends(const GraphHeader& header) noexcept {
  return header.nodes < header.rows;
}

}  // namespace kindred::storage
