// Segments of rows that lie far from the origin: their codes are of rows less a centre.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "math/metric.h"
#include "storage/codes/row_codes.h"
#include "storage/file.h"
#include "storage/nearest/nearest.h"
#include "storage/segments/segment.h"
#include "storage/segments/segment_writer.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/random.h"

using namespace kindred::storage;
using kindred::math::Element;
using kindred::math::Metric;
using kindred::test::bytes_of;
using kindred::test::Random;
using kindred::test::ScratchDirectory;

namespace {

constexpr SegmentIdentity kIdentity{17, 4};
constexpr size_t kDim = 40;
constexpr size_t kRows = 6000;

VectorSpec spec_of(Metric metric) {
  return {.element = Element::kFloat32, .metric = metric, .dim = kDim};
}

// Rows around a point that is `offset` away in each dimension, and `large` in one.
struct Place {
  float offset = 0;
  float large = 0;
  std::vector<float> vector(Random& random) const {
    std::vector<float> v = random.vector(kDim);
    for (float& x : v) x += offset;
    v[7] += large;
    return v;
  }
};

std::vector<std::string> rows_of(const Place& place, Random& random) {
  std::vector<std::string> rows;
  for (size_t i = 0; i < kRows; ++i) rows.push_back(bytes_of(place.vector(random)));
  return rows;
}

class Written {
 public:
  Written(Metric metric, std::vector<std::string> rows)
      : spec_(spec_of(metric)), rows_(std::move(rows)) {
    const std::string path = folder_.file("17.kin");
    SegmentWriter writer(path, spec_, kIdentity);
    for (size_t i = 0; i < rows_.size(); ++i) writer.append(static_cast<int64_t>(i), rows_[i]);
    writer.finish([](size_t) { return true; });
    File(path, File::Mode::kRead).read_at(0, &header_, sizeof header_);
    segment_ = Segment::open(path, spec_, kIdentity);
  }
  bool is_centred() const { return header_.version == kCentredSegmentVersion; }

  NearestStream search(const std::string& query, size_t expected) const {
    return {spec_, query.data(), {segment_->layer({})}, {.expected = expected}};
  }

  // By distance, then id.
  std::vector<std::pair<double, int64_t>> sorted(const std::string& query) const {
    std::vector<std::pair<double, int64_t>> all;
    for (size_t i = 0; i < rows_.size(); ++i)
      if (const auto distance = kindred::math::distance(spec_.metric, spec_.element, query.data(),
                                                        rows_[i].data(), kDim))
        all.emplace_back(*distance, static_cast<int64_t>(i));
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  ScratchDirectory folder_;
  VectorSpec spec_;
  std::vector<std::string> rows_;
  SegmentHeader header_{};
  std::shared_ptr<const Segment> segment_;
};

constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kL2, Metric::kDot};
constexpr Place kFar[] = {{3, 0}, {30, 0}, {-1000, 0}, {0, 60}, {2, -500}};

}  // namespace

TEST_CASE("codes have a centre where rows are far from the origin, and none where they are not",
          "[storage][centre]") {
  Random random(1);
  for (const Metric metric : kMetrics) {
    INFO(kindred::math::metric_name(metric));
    CHECK_FALSE(Written(metric, rows_of({}, random)).is_centred());
    for (const Place& place : kFar) CHECK(Written(metric, rows_of(place, random)).is_centred());
  }
}

TEST_CASE("a search of rows far from the origin finds what sorting all distances finds",
          "[storage][centre]") {
  Random random(2);
  for (const Metric metric : kMetrics)
    for (const Place& place : kFar) {
      INFO(kindred::math::metric_name(metric) << " " << place.offset << " " << place.large);
      std::vector<std::string> rows = rows_of(place, random);
      // Among them: nothing, much too much, too little, what is on the other side, and twins.
      for (const float x : {0.0F, 3e25F, 1e-30F, -40.0F})
        rows[random.below(kRows)] = bytes_of(std::vector<float>(kDim, x));
      for (size_t i = 0; i < 20; ++i) rows[100 + i] = rows[50];
      const Written written(metric, rows);
      REQUIRE(written.is_centred());
      std::vector<std::string> queries = {
          rows[50], bytes_of(random.vector(kDim)), bytes_of(std::vector<float>(kDim, -1000)),
          bytes_of(std::vector<float>(kDim, 1e-3F)), bytes_of(std::vector<float>(kDim, 1e25F))};
      for (int i = 0; i < 5; ++i) queries.push_back(bytes_of(place.vector(random)));
      for (const std::string& query : queries) {
        NearestStream stream = written.search(query, 10);
        std::vector<std::pair<double, int64_t>> got;
        while (const auto row = stream.next()) got.emplace_back(row->distance, row->id);
        CHECK(got == written.sorted(query));
      }
    }
}

TEST_CASE("codes of rows far from the origin leave few of them to be looked at",
          "[storage][centre]") {
  Random random(3);
  for (const Metric metric : kMetrics)
    for (const Place& place : {Place{3, 0}, Place{30, 0}, Place{0, 60}}) {
      INFO(kindred::math::metric_name(metric) << " " << place.offset << " " << place.large);
      const Written written(metric, rows_of(place, random));
      size_t looked_at = 0;
      constexpr size_t kQueries = 20;
      for (size_t i = 0; i < kQueries; ++i) {
        NearestStream stream = written.search(bytes_of(place.vector(random)), 10);
        for (size_t k = 0; k < 10; ++k) REQUIRE(stream.next());
        looked_at += stream.visited() - kRows;
      }
      CHECK(looked_at < kQueries * kRows / 20);
    }
}
