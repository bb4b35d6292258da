// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/nearest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

#include "math/kernels.h"
#include "storage/segments/segment.h"
#include "storage/segments/segment_writer.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"
#include "tests/support/files.h"
#include "tests/support/random.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

const std::vector<std::pair<Element, Metric>> kKinds = {
    {Element::kFloat32, Metric::kCosine}, {Element::kFloat32, Metric::kL2},
    {Element::kFloat32, Metric::kL1},     {Element::kFloat32, Metric::kDot},
    {Element::kInt8, Metric::kCosine},    {Element::kInt8, Metric::kL2},
    {Element::kInt8, Metric::kL1},        {Element::kInt8, Metric::kDot},
    {Element::kBit, Metric::kHamming}};

// Data on which codes say little or the arithmetic goes wrong first.
const std::vector<std::string> kShapes = {"even",  "tight", "offset", "equal", "zeros",   "spikes",
                                          "mixed", "huge",  "tiny",   "least", "overflow"};

std::vector<float> floats(const std::string& shape, size_t dim, Random& random) {
  std::vector<float> v = random.vector(dim);
  const auto scale = [&](float factor) {
    for (float& x : v) x *= factor;
  };
  if (shape == "tight") {  // nearly one direction, nearly one place
    for (size_t i = 0; i < dim; ++i) v[i] = std::sin(static_cast<float>(i)) + v[i] * 1e-6F;
  } else if (shape == "offset") {
    for (float& x : v) x = 1000 + x * 1e-2F;
  } else if (shape == "equal") {
    v.assign(dim, static_cast<float>(random.below(2) + 1));
  } else if (shape == "zeros") {
    if (random.one_in(2)) v.assign(dim, 0);
  } else if (shape == "spikes") {  // one element makes the scale, the rest is residual
    scale(1e-3F);
    v[static_cast<size_t>(random.below(static_cast<int64_t>(dim)))] = 1;
  } else if (shape == "mixed") {
    scale(std::pow(10.0F, static_cast<float>(random.below(60) - 30)));
  } else if (shape == "huge") {
    scale(3e18F);
  } else if (shape == "tiny") {
    scale(1e-20F);
  } else if (shape == "least") {
    scale(1e-38F);
  } else if (shape == "overflow") {
    scale(random.one_in(2) ? 1e30F : 3e38F);
  }
  return v;
}

std::string vector_of(const VectorSpec& spec, const std::string& shape, Random& random) {
  if (spec.element == Element::kFloat32) return bytes_of(floats(shape, spec.dim, random));
  std::string bytes(spec.bytes(), '\0');
  if (shape == "zeros" && random.one_in(2)) return bytes;
  for (char& b : bytes)
    b = static_cast<char>(shape == "equal"   ? 5
                          : shape == "tight" ? 100 + random.below(2)
                                             : random.below(256));
  return bytes;
}

struct Case {
  VectorSpec spec;
  Vectors vectors;
  std::string query;
};

Case make_case(const VectorSpec& spec, const std::string& shape, size_t rows, Random& random) {
  Case made{spec, {}, vector_of(spec, shape, random)};
  for (size_t i = 0; i < rows; ++i)
    made.vectors[static_cast<int64_t>(random.below(1 << 20))] = vector_of(spec, shape, random);
  if (random.one_in(3) && !made.vectors.empty()) made.query = made.vectors.begin()->second;
  return made;
}

using Answer = std::vector<std::pair<double, int64_t>>;

// Every row with a distance, by distance, then id.
Answer by_sorting(const Case& c, const Vectors& vectors) {
  Answer all;
  for (const auto& [id, vector] : vectors) {
    const std::optional<double> d = kindred::math::distance(
        c.spec.metric, c.spec.element, c.query.data(), vector.data(), c.spec.dim);
    if (d) all.emplace_back(*d, id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

Answer by_stream(const Case& c, std::vector<RowLayer> slices, size_t expected) {
  NearestStream stream(c.spec, c.query.data(), std::move(slices), {.expected = expected});
  Answer all;
  while (const std::optional<Neighbor> n = stream.next()) all.emplace_back(n->distance, n->id);
  CHECK(!stream.next());
  return all;
}

// "" or the first place at which they differ.
std::string difference(const Answer& got, const Answer& wanted) {
  if (got == wanted) return "";
  size_t i = 0;
  while (i < got.size() && i < wanted.size() && got[i] == wanted[i]) ++i;
  const auto row = [i](const Answer& rows) {
    return i < rows.size()
               ? "id " + std::to_string(rows[i].second) + " at " + std::to_string(rows[i].first)
               : "nothing";
  };
  return std::to_string(got.size()) + " rows, wanted " + std::to_string(wanted.size()) + "; row " +
         std::to_string(i) + " is " + row(got) + ", wanted " + row(wanted);
}

// The vectors in a tail among rows that have died.
Tail tail_of(const Case& c, Random& random) {
  Tail tail(c.spec, "films_log");
  int64_t cn = 0;
  for (const auto& [id, vector] : c.vectors) {
    if (random.one_in(4)) tail.append({++cn, 1, id, static_cast<int64_t>(Op::kPut), c.query});
    tail.append({++cn, 1, id, static_cast<int64_t>(Op::kPut), vector});
    if (!random.one_in(8)) continue;
    tail.append({++cn, 1, id + (1 << 20), static_cast<int64_t>(Op::kPut), c.query});
    tail.append({++cn, 1, id + (1 << 20), static_cast<int64_t>(Op::kDelete), {}});
  }
  return tail;
}

// The vectors as the rows of a segment, by ascending id.
RowLayer segment_of(const Case& c) {
  const ScratchDirectory folder;  // what is mapped needs no name
  SegmentWriter writer(folder.file("1.kin"), c.spec, {1, 1});
  for (const auto& [id, vector] : c.vectors) writer.append(id, vector);
  writer.finish([](size_t) { return true; });
  return Segment::open(folder.file("1.kin"), c.spec, {1, 1})->layer({});
}

// Sets the number of dimensions and, where there may be, now and then that of a prefix or that
// there are no codes.
void draw_dimensions(VectorSpec& spec, Random& random) {
  spec.dim = static_cast<size_t>(random.below(200) + 1);
  if (spec.element == Element::kBit) spec.dim = (spec.dim + 7) / 8 * 8;
  if (has_codes(spec) && spec.dim > 1 && random.one_in(2))
    spec.prefix = static_cast<size_t>(random.below(static_cast<int64_t>(spec.dim - 1)) + 1);
  else if (has_codes(spec) && random.one_in(2))
    spec.quantization = Quantization::kNone;
}

}  // namespace

TEST_CASE("a stream gives all rows exactly as sorting all distances does", "[storage][nearest]") {
  for (const auto& [element, metric] : kKinds)
    for (const std::string& shape : kShapes)
      for (uint64_t seed = 1; seed <= 6; ++seed) {
        INFO(kindred::math::element_name(element)
             << " " << kindred::math::metric_name(metric) << " " << shape << ", seed " << seed);
        Random random(seed);
        VectorSpec spec{element, metric, 0};
        draw_dimensions(spec, random);
        const Case c = make_case(spec, shape, static_cast<size_t>(random.below(900)), random);
        const Tail tail = tail_of(c, random);
        const Answer wanted = by_sorting(c, c.vectors);
        const RowLayer segment = segment_of(c);
        for (const size_t expected : {size_t{0}, size_t{1}, size_t{10}, size_t{5000}}) {
          REQUIRE(difference(by_stream(c, {tail.slice()}, expected), wanted) == "");
          REQUIRE(difference(by_stream(c, {segment}, expected), wanted) == "");
        }
      }
}

TEST_CASE("a query whose squares float32 has no room for is answered exactly",
          "[storage][nearest]") {
  for (const Quantization quantization : {Quantization::kInt8, Quantization::kNone})
    for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot})
      for (const float scale : {1e25F, 1e-17F, 1e-25F}) {
        INFO(kindred::math::metric_name(metric) << " " << scale);
        Random random(5);
        const VectorSpec spec{Element::kFloat32, metric, 24, 0, quantization};
        Case c = make_case(spec, "even", 300, random);
        std::vector<float> query = random.vector(spec.dim);
        for (float& x : query) x *= scale;
        c.query = bytes_of(query);
        const Tail tail = tail_of(c, random);
        const Answer wanted = by_sorting(c, c.vectors);
        REQUIRE(difference(by_stream(c, {tail.slice()}, 10), wanted) == "");
        REQUIRE(difference(by_stream(c, {segment_of(c)}, 10), wanted) == "");
      }
}

TEST_CASE("only and hidden rows restrict a stream and change nothing else", "[storage][nearest]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    VectorSpec spec{random.pick(kKinds).first, Metric::kL2, 0};
    if (spec.element == Element::kBit) spec.metric = Metric::kHamming;
    draw_dimensions(spec, random);
    const Case c = make_case(spec, random.pick(kShapes), 400, random);
    const Tail tail = tail_of(c, random);
    const bool is_in_segment = random.one_in(2);
    RowLayer slice = is_in_segment ? segment_of(c) : tail.slice();
    Vectors answering = c.vectors;
    uint32_t in_segment = 0;
    const bool with_only = random.one_in(2);
    if (with_only) slice.only.emplace();
    std::set<uint32_t> hidden;
    ChangedIds changed;
    for (const auto& [id, vector] : c.vectors) {
      const uint32_t row = is_in_segment ? in_segment++ : *tail.find(id, slice.cn);
      const bool is_hidden = random.one_in(5);
      const bool is_only = random.one_in(3);
      if (is_hidden && random.one_in(2))
        changed.add(id, 7);
      else if (is_hidden)
        hidden.insert(row);
      else if (random.one_in(5))
        changed.add(id, 8);
      if (with_only && is_only) slice.only->push_back(row);
      if (is_hidden || (with_only && !is_only)) answering.erase(id);
    }
    slice.hidden = std::make_shared<const std::vector<uint32_t>>(hidden.begin(), hidden.end());
    slice.newer.push_back({changed.table(), 7});
    if (with_only) std::sort(slice.only->begin(), slice.only->end());
    REQUIRE(difference(by_stream(c, {slice}, 3), by_sorting(c, answering)) == "");
  }
}

TEST_CASE("a stream goes on with some of its rows only, wherever it stands", "[storage][nearest]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    VectorSpec spec{random.pick(kKinds).first, Metric::kL2, 0};
    if (spec.element == Element::kBit) spec.metric = Metric::kHamming;
    draw_dimensions(spec, random);
    const Case c = make_case(spec, random.pick(kShapes), 400, random);
    std::vector<int64_t> kept;
    if (random.one_in(2)) kept = {-5, 1 << 21};  // ids of no row
    const int64_t one_of = random.pick(std::vector<int64_t>{3, 300, 100000});
    for (const auto& [id, vector] : c.vectors)
      if (random.one_in(one_of)) kept.push_back(id);
    std::sort(kept.begin(), kept.end());
    Answer wanted = by_sorting(c, c.vectors);
    const auto before = static_cast<size_t>(random.below(static_cast<int64_t>(wanted.size() + 1)));
    wanted.erase(std::remove_if(wanted.begin() + static_cast<ptrdiff_t>(before), wanted.end(),
                                [&](const auto& row) {
                                  return !std::binary_search(kept.begin(), kept.end(), row.second);
                                }),
                 wanted.end());
    const RowLayer layer = random.one_in(2) ? segment_of(c) : tail_of(c, random).slice();
    NearestStream stream(spec, c.query.data(), {layer}, {.expected = 3});
    Answer got;
    const auto take = [&](size_t most) {
      for (size_t i = 0; i < most; ++i)
        if (const std::optional<Neighbor> n = stream.next()) got.emplace_back(n->distance, n->id);
    };
    take(before);
    stream.keep_only(kept);
    take(wanted.size() + 1 - before);
    REQUIRE(difference(got, wanted) == "");
  }
}

TEST_CASE("a stream over a segment and two tails is one over all their rows",
          "[storage][nearest]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const VectorSpec spec{Element::kFloat32, Metric::kCosine, 24};
    const Case all = make_case(spec, "tight", 500, random);
    Case parts[3] = {all, all, all};
    for (const auto& [id, vector] : all.vectors) {
      const auto kept = static_cast<size_t>(random.below(3));
      for (size_t part = 0; part < 3; ++part)
        if (part != kept) parts[part].vectors.erase(id);
    }
    std::vector<RowLayer> slices = {segment_of(parts[0])};
    for (const size_t part : {1, 2}) slices.push_back(tail_of(parts[part], random).slice());
    const Answer wanted = by_sorting(all, all.vectors);
    REQUIRE(difference(by_stream(all, std::move(slices), 10), wanted) == "");
  }
}

// How many bounds of a layer's rows are above the distance, or not what they are for a row alone.
size_t wrong_bounds(const Case& c, const RowLayer& layer) {
  Scorer scorer(c.spec, c.query.data());
  std::vector<float> bounds(layer.block_rows);
  size_t wrong = 0;
  for (size_t first = 0; first < layer.count; first += layer.block_rows) {
    const RowBlock& block = layer.block_of(first);
    const size_t count = std::min(layer.block_rows, layer.count - first);
    const auto check = [&](const std::function<float(size_t)>& of_one) {
      for (size_t i = 0; i < count; ++i) {
        const std::optional<double> exact = scorer.exact(block, i);
        if (exact && !(bounds[i] <= *exact)) ++wrong;
        if (std::isnan(bounds[i]) || of_one(i) != bounds[i]) ++wrong;
      }
    };
    scorer.lower_bounds(block, count, bounds.data());
    check([&](size_t i) { return scorer.lower_bound(block, i); });
    if (block.coarse == nullptr) continue;
    scorer.rough_bounds(block, 0, count, bounds.data());
    check([&](size_t i) {
      float bound = 0;
      scorer.rough_bounds(block, i, 1, &bound);
      return bound;
    });
  }
  return wrong;
}

TEST_CASE("lower bounds never exceed the exact distance", "[storage][nearest][bounds]") {
  for (const auto& [element, metric] : kKinds)
    for (const std::string& shape : kShapes)
      for (uint64_t seed = 1; seed <= 8; ++seed) {
        INFO(kindred::math::active().name << " " << kindred::math::element_name(element) << " "
                                          << kindred::math::metric_name(metric) << " " << shape
                                          << ", seed " << seed);
        Random random(seed * 77);
        VectorSpec spec{element, metric, 0};
        draw_dimensions(spec, random);
        const Case c = make_case(spec, shape, 200, random);
        const RowLayer segment = segment_of(c);
        REQUIRE((segment.block_of(0).coarse != nullptr) == has_codes(spec));
        REQUIRE(wrong_bounds(c, segment) == 0);
        REQUIRE(wrong_bounds(c, tail_of(c, random).slice()) == 0);
      }
}

TEST_CASE("streams and bounds are exact on every instruction set of this CPU",
          "[storage][nearest]") {
  if (std::getenv("KINDRED_FORCE_ISA") != nullptr) return;  // this is one of them
  if (kindred::math::runnable().size() == 1) return;        // the tests above have run on it
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const kindred::math::Kernels* kernels : kindred::math::runnable()) {
    INFO(kernels->name);
    const std::string command = "KINDRED_FORCE_ISA=" + std::string(kernels->name) + " '" + self +
                                "' '[nearest]' > /dev/null";
    CHECK(std::system(command.c_str()) == 0);
  }
}

TEST_CASE("a search of an ordinary collection looks at few rows exactly", "[storage][nearest]") {
  Random random(9);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 96};
  const Case c = make_case(spec, "even", 5000, random);
  NearestStream stream(spec, c.query.data(), {tail_of(c, random).slice()}, {.expected = 10});
  for (int i = 0; i < 10; ++i) stream.next();
  const size_t scanned = c.vectors.size() * 2;
  CHECK(stream.visited() < scanned + 200);
}

TEST_CASE("a search of a segment looks at the int8 codes of few rows", "[storage][nearest]") {
  Random random(12);
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    const VectorSpec spec{Element::kFloat32, metric, 384};
    const Case c = make_case(spec, "even", 5000, random);
    NearestStream stream(spec, c.query.data(), {segment_of(c)}, {.expected = 10});
    for (int i = 0; i < 10; ++i) stream.next();
    INFO(kindred::math::metric_name(metric));
    CHECK(stream.visited() < 5000 + 200);
    CHECK(stream.sharpened() < 500);
  }
}

TEST_CASE("under cosine a query of norm 0 has no neighbours, and none are looked for",
          "[storage][nearest]") {
  Random random(17);
  for (const Element element : {Element::kFloat32, Element::kInt8}) {
    Case c = make_case({element, Metric::kCosine, 32}, "plain", 2000, random);
    c.query.assign(c.spec.bytes(), '\0');
    NearestStream stream(c.spec, c.query.data(), {segment_of(c), tail_of(c, random).slice()}, {});
    CHECK_FALSE(stream.next());
    CHECK(stream.visited() == 0);
    CHECK(stream.is_exact());
  }
}

TEST_CASE("exact search looks at few rows where most of a vector is in its prefix",
          "[storage][nearest]") {
  Random random(11);
  const VectorSpec spec{Element::kFloat32, GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot), 96,
                        32};
  const auto vector = [&] {
    std::vector<float> v = random.vector(spec.dim);
    for (size_t d = spec.prefix; d < spec.dim; ++d) v[d] *= 0.05F;
    return bytes_of(v);
  };
  Case c{spec, {}, vector()};
  for (int64_t id = 1; id <= 5000; ++id) c.vectors[id] = vector();
  const Tail tail = tail_of(c, random);
  NearestStream stream(spec, c.query.data(), {tail.slice()}, {.expected = 10});
  const Answer wanted = by_sorting(c, c.vectors);
  for (size_t i = 0; i < 10; ++i) REQUIRE(stream.next()->id == wanted[i].second);
  CHECK(stream.visited() < tail.rows() + 500);
}

TEST_CASE("where bounds say little every row is looked at once, and few of them twice",
          "[storage][nearest]") {
  Random random(12);
  const VectorSpec spec{Element::kFloat32, GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot), 96,
                        4};
  const Case c = make_case(spec, "even", 20000, random);
  const Tail tail = tail_of(c, random);
  NearestStream stream(spec, c.query.data(), {tail.slice()}, {.expected = 10});
  const Answer wanted = by_sorting(c, c.vectors);
  for (size_t i = 0; i < 10; ++i) REQUIRE(stream.next()->id == wanted[i].second);
  CHECK(stream.visited() > tail.rows() + c.vectors.size() / 2);
  CHECK(stream.visited() < 2 * tail.rows() + 500);
}
