// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "math/metric.h"
#include "storage/error.h"
#include "storage/nearest/nearest.h"
#include "storage/segments/segment_writer.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"

using namespace kindred::storage;
using kindred::math::Element;
using kindred::math::Metric;
using kindred::test::flip_bit;

namespace {

constexpr SegmentIdentity kIdentity{17, 4};
constexpr VectorSpec kSpec{Element::kFloat32, Metric::kCosine, 20};
constexpr VectorSpec kPrefixed{Element::kFloat32, Metric::kCosine, 20, 7};
constexpr VectorSpec kUncoded{Element::kFloat32, Metric::kCosine, 20, 0, Quantization::kNone};

struct TemporaryFile {
  kindred::test::ScratchDirectory folder;
  std::string path() const { return folder.file("17.kin"); }
};

std::string random_vector(std::mt19937& random, const VectorSpec& spec) {
  std::string bytes(spec.bytes(), '\0');
  if (spec.element == Element::kFloat32) {
    std::normal_distribution<float> normal;
    for (size_t d = 0; d < spec.dim; ++d) {
      const float x = normal(random);
      std::memcpy(&bytes[d * sizeof x], &x, sizeof x);
    }
  } else {
    for (char& c : bytes) c = static_cast<char>(random());
  }
  return bytes;
}

struct Row {
  int64_t id;
  std::string vector;
};

std::vector<Row> random_rows(size_t count, const VectorSpec& spec, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i)
    rows.push_back({static_cast<int64_t>(random() % 100000) - 50000, random_vector(random, spec)});
  return rows;
}

// The same of vectors with a large first element.
std::vector<Row> far_rows(size_t count, const VectorSpec& spec, uint32_t seed) {
  std::vector<Row> rows = random_rows(count, spec, seed);
  constexpr float kLarge = 50;
  for (Row& row : rows) std::memcpy(row.vector.data(), &kLarge, sizeof kLarge);
  return rows;
}

void write(
    const std::string& path, const VectorSpec& spec, const std::vector<Row>& rows,
    const std::function<bool(size_t)>& counts = [](size_t) { return true; }) {
  SegmentWriter writer(path, spec, kIdentity);
  for (const Row& row : rows) writer.append(row.id, row.vector);
  writer.finish(counts);
}

// What a segment says, id by id.
std::map<int64_t, std::string> content(const Segment& segment, const VectorSpec& spec) {
  std::map<int64_t, std::string> all;
  for (size_t rank = 0; rank < segment.distinct(); ++rank) {
    const auto* vector = reinterpret_cast<const char*>(segment.vector(segment.row_at(rank)));
    all[segment.id_at(rank)] = std::string(vector, spec.bytes());
  }
  return all;
}

std::map<int64_t, std::string> last_of_each(const std::vector<Row>& rows) {
  std::map<int64_t, std::string> last;
  for (const Row& row : rows) last[row.id] = row.vector;
  return last;
}

Fault fault_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const StorageError& error) {
    return error.fault();
  }
  FAIL("no StorageError was thrown");
  return Fault::kIo;
}

// The file as version 3 had it: a checksum covers 64 KiB, and the header's all checksums.
void make_version_3(const std::string& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  File(path, File::Mode::kRead).read_at(0, bytes.data(), bytes.size());
  SegmentHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  SectionPlace& sums = place(header, Section::kSums);
  bytes.resize(sums.offset);
  std::vector<uint64_t> of_blocks;
  for (size_t at = kSegmentPage; at < bytes.size(); at += kSumBlockBefore4)
    of_blocks.push_back(checksum(&bytes[at], std::min(kSumBlockBefore4, bytes.size() - at)));
  sums.bytes = of_blocks.size() * sizeof(uint64_t);
  header.version = 3;
  header.sums_sum = checksum(of_blocks.data(), sums.bytes);
  header.header_sum = checksum(&header, offsetof(SegmentHeader, header_sum));
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.append(reinterpret_cast<const char*>(of_blocks.data()), sums.bytes);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// With another number of rows or ids, or another place of a section, and a checksum that fits: any
// number, one within a file of so many bytes, a small one, or one that is nearly right.
SegmentHeader changed(const SegmentHeader& whole, uint64_t bytes, std::mt19937_64& random) {
  const auto anything = [&]() -> uint64_t {
    switch (random() % 5) {
      case 0:
        return random();
      case 1:
        return random() % bytes;
      case 2:
        return random() % bytes / 64 * 64;
      case 3:
        return random() % 3;
      default:
        return whole.rows + random() % 3 - 1;
    }
  };
  SegmentHeader header = whole;
  SectionPlace& of_section = header.sections[random() % header.sections.size()];
  uint64_t* const numbers[] = {&header.rows, &header.distinct, &of_section.offset,
                               &of_section.bytes};
  for (size_t changes = 1 + random() % 2; changes > 0; --changes)
    *numbers[random() % 4] = anything();
  header.header_sum = checksum(&header, offsetof(SegmentHeader, header_sum));
  return header;
}

}  // namespace

TEST_CASE("a segment gives back the last vector of each id", "[storage][segment]") {
  const VectorSpec specs[] = {kSpec,
                              kPrefixed,
                              kUncoded,
                              {Element::kFloat32, Metric::kL1, 3},
                              {Element::kInt8, Metric::kCosine, 100},
                              {Element::kBit, Metric::kHamming, 24}};
  for (const VectorSpec& spec : specs) {
    const TemporaryFile file;
    const std::vector<Row> rows = random_rows(9000, spec, 1);
    write(file.path(), spec, rows);
    const auto segment = Segment::open(file.path(), spec, kIdentity);
    segment->verify();
    CHECK(segment->rows() == rows.size());
    CHECK(content(*segment, spec) == last_of_each(rows));
    for (const Row& row : {rows.front(), rows.back()})
      CHECK(segment->id_at(segment->rank_of(row.id).value()) == row.id);
    CHECK_FALSE(segment->rank_of(1 << 20));
    CHECK_FALSE(segment->rank_of(-(1 << 20)));
  }
}

TEST_CASE("rows that do not count are not found in a segment", "[storage][segment]") {
  const TemporaryFile file;
  const std::vector<Row> rows = {{3, std::string(80, '\1')},
                                 {1, std::string(80, '\2')},
                                 {3, std::string(80, '\3')},
                                 {2, std::string(80, '\4')}};
  write(file.path(), kSpec, rows, [](size_t row) { return row != 2 && row != 3; });
  const auto segment = Segment::open(file.path(), kSpec, kIdentity);
  CHECK(content(*segment, kSpec) ==
        std::map<int64_t, std::string>{{1, rows[1].vector}, {3, rows[0].vector}});
  CHECK(*segment->layer({}).hidden == std::vector<uint32_t>{2, 3});
}

TEST_CASE("an empty segment and one of a single row can be read", "[storage][segment]") {
  for (const size_t count : {0, 1}) {
    const TemporaryFile file;
    const std::vector<Row> rows = random_rows(count, kSpec, 2);
    write(file.path(), kSpec, rows);
    const auto segment = Segment::open(file.path(), kSpec, kIdentity);
    segment->verify();
    CHECK(content(*segment, kSpec) == last_of_each(rows));
    CHECK(segment->layer({}).count == count);
  }
}

TEST_CASE("a search over a segment's layer finds what sorting all distances finds",
          "[storage][segment]") {
  const VectorSpec spec = GENERATE(kSpec, kPrefixed, kUncoded);
  std::mt19937 random(3);
  const std::vector<Row> rows = random_rows(10000, spec, 4);
  const TemporaryFile file;
  write(file.path(), spec, rows);
  const auto segment = Segment::open(file.path(), spec, kIdentity);
  std::map<int64_t, std::string> alive = last_of_each(rows);
  DeadRows dead;
  for (size_t rank = 0; rank < segment->distinct(); rank += 3) {
    dead.add(rank);
    alive.erase(segment->id_at(rank));
  }
  const std::string query = random_vector(random, spec);
  std::vector<std::pair<double, int64_t>> wanted;
  for (const auto& [id, vector] : alive)
    wanted.emplace_back(
        *kindred::math::distance(spec.metric, spec.element, query.data(), vector.data(), spec.dim),
        id);
  std::sort(wanted.begin(), wanted.end());
  NearestStream stream(spec, query.data(), {segment->layer(dead)}, {.expected = 10});
  std::vector<std::pair<double, int64_t>> got;
  while (const std::optional<Neighbor> n = stream.next()) got.emplace_back(n->distance, n->id);
  CHECK(got == wanted);
}

// A search of a segment of `spec` finds a bit that has been flipped at this byte of a section, or,
// where it is negative, in the middle.
void check_flip_is_found(const VectorSpec& spec, const std::vector<Row>& rows, Section section,
                         int64_t byte = -1) {
  const TemporaryFile file;
  write(file.path(), spec, rows);
  const std::string query(spec.bytes(), '\1');
  const auto search = [&] {
    const auto segment = Segment::open(file.path(), spec, kIdentity);
    NearestStream(spec, query.data(), {segment->layer({})}, {.expected = 1}).next();
  };
  search();
  SegmentHeader header{};
  File(file.path(), File::Mode::kRead).read_at(0, &header, sizeof header);
  const SectionPlace& at = place(header, section);
  const uint64_t offset = at.offset + (byte < 0 ? at.bytes / 2 : static_cast<uint64_t>(byte));
  flip_bit(file.path(), offset);
  CHECK(fault_of(search) == Fault::kCorrupt);
  flip_bit(file.path(), offset);
  search();
}

TEST_CASE("what a search reads of codes is compared with its checksum", "[storage][segment]") {
  for (const Section section : {Section::kCoarse, Section::kCoarseNumbers, Section::kCentre})
    check_flip_is_found(kSpec, random_rows(40000, kSpec, 8), section);
  constexpr int64_t kNorms = 40000 * sizeof(float);  // those of suffixes, or biases, lie behind
  check_flip_is_found(kPrefixed, random_rows(40000, kPrefixed, 8), Section::kResidualNorm,
                      kNorms + kSumBlock);
  const std::vector<Row> far = far_rows(40000, kSpec, 8);
  check_flip_is_found(kSpec, far, Section::kNormSquared, kNorms + kSumBlock);
  check_flip_is_found(kSpec, far, Section::kCentre);  // its second half is that of int8 codes
}

TEST_CASE("a segment without quantisation has no codes", "[storage][segment]") {
  const std::vector<Row> rows = random_rows(3000, kSpec, 9);
  const auto written = [&](const VectorSpec& spec) {
    const TemporaryFile file;
    write(file.path(), spec, rows);
    SegmentHeader header{};
    File(file.path(), File::Mode::kRead).read_at(0, &header, sizeof header);
    CHECK(place(header, Section::kCoarse).bytes * 2 == place(header, Section::kCodes).bytes);
    return std::pair(place(header, Section::kCodes).bytes,
                     file_size(std::filesystem::path(file.path())));
  };
  const auto [codes, bytes] = written(kSpec);
  const auto [no_codes, fewer_bytes] = written(kUncoded);
  CHECK(codes == rows.size() * 64);
  CHECK(no_codes == 0);
  CHECK(fewer_bytes + codes <= bytes);
}

TEST_CASE("a segment file that is missing, cut or another's is refused", "[storage][segment]") {
  const TemporaryFile file;
  const auto open = [&] { Segment::open(file.path(), kSpec, kIdentity); };
  CHECK(fault_of(open) == Fault::kMissing);
  write(file.path(), kSpec, random_rows(500, kSpec, 5));
  open();
  SECTION("another segment's") {
    CHECK(fault_of([&] { Segment::open(file.path(), kSpec, {18, 4}); }) == Fault::kCorrupt);
    CHECK(fault_of([&] { Segment::open(file.path(), kSpec, {17, 5}); }) == Fault::kCorrupt);
  }
  SECTION("of other vectors") {
    CHECK(fault_of([&] {
            Segment::open(file.path(), {Element::kFloat32, Metric::kCosine, 21}, kIdentity);
          }) == Fault::kCorrupt);
    CHECK(fault_of([&] { Segment::open(file.path(), kPrefixed, kIdentity); }) == Fault::kCorrupt);
    CHECK(fault_of([&] { Segment::open(file.path(), kUncoded, kIdentity); }) == Fault::kCorrupt);
  }
  SECTION("cut anywhere") {
    const uint64_t bytes = std::filesystem::file_size(file.path());
    for (const uint64_t left : {uint64_t{0}, uint64_t{100}, uint64_t{4096}, bytes / 2, bytes - 1}) {
      std::filesystem::resize_file(file.path(), left);
      CHECK(fault_of(open) == Fault::kCorrupt);
    }
  }
}

TEST_CASE("a flipped bit is found: in the header at once, in the vectors by verify()",
          "[storage][segment]") {
  const TemporaryFile file;
  write(file.path(), kSpec, random_rows(3000, kSpec, 6));
  const uint64_t bytes = std::filesystem::file_size(file.path());
  const auto check = [&] { Segment::open(file.path(), kSpec, kIdentity)->verify(); };
  check();
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    uint64_t offset = random() % bytes;
    if (i < 20) offset = random() % sizeof(SegmentHeader);
    if (offset >= sizeof(SegmentHeader) && offset < kSegmentPage) continue;  // unused
    flip_bit(file.path(), offset);
    INFO("byte " << offset);
    CHECK(fault_of(check) == Fault::kCorrupt);
    flip_bit(file.path(), offset);
  }
  check();
}

TEST_CASE("a segment file of version 3 is read as it is, and a flipped bit found in it",
          "[storage][segment]") {
  const TemporaryFile file;
  const std::vector<Row> rows = random_rows(3000, kSpec, 10);
  write(file.path(), kSpec, rows);
  make_version_3(file.path());
  const auto open = [&] { return Segment::open(file.path(), kSpec, kIdentity); };
  const auto segment = open();
  segment->verify();
  CHECK(segment->layer({}).block_of(0).coarse != nullptr);
  CHECK(content(*segment, kSpec) == last_of_each(rows));
  const uint64_t bytes = std::filesystem::file_size(file.path());
  for (const uint64_t offset : {uint64_t{kSegmentPage}, bytes / 2, bytes - 1}) {
    flip_bit(file.path(), offset);
    CHECK(fault_of([&] { open()->verify(); }) == Fault::kCorrupt);
    flip_bit(file.path(), offset);
  }
  open()->verify();
}

TEST_CASE("a search reads a segment's checksums here and there, and finds one that has changed",
          "[storage][segment]") {
  const TemporaryFile file;
  write(file.path(), kSpec, random_rows(80000, kSpec, 11));
  SegmentHeader header{};
  File(file.path(), File::Mode::kRead).read_at(0, &header, sizeof header);
  const SectionPlace& sums = place(header, Section::kSums);
  REQUIRE(sums.bytes > 2 * kSumBlock);
  const auto look_at = [&](size_t row) {
    Segment::open(file.path(), kSpec, kIdentity)->verify_exact(row);
  };
  flip_bit(file.path(), sums.offset);  // of the first row's block
  look_at(79999);
  CHECK(fault_of([&] { look_at(0); }) == Fault::kCorrupt);
  flip_bit(file.path(), sums.offset);
  look_at(0);
}

TEST_CASE("ids that follow each other are known without being read, and verified with the rest",
          "[storage][segment]") {
  const TemporaryFile file;
  std::vector<Row> rows = random_rows(5000, kSpec, 16);
  const int64_t first = GENERATE(-2000, 1, INT64_MAX - 4999);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].id = first + static_cast<int64_t>(i);
  write(file.path(), kSpec, rows);
  SegmentHeader header{};
  File(file.path(), File::Mode::kRead).read_at(0, &header, sizeof header);
  const SectionPlace& ids = place(header, Section::kIds);
  flip_bit(file.path(), ids.offset + ids.bytes / 2);
  const auto segment = Segment::open(file.path(), kSpec, kIdentity);
  CHECK(content(*segment, kSpec) == last_of_each(rows));
  CHECK(segment->rank_of(first + 4321) == 4321U);
  CHECK_FALSE(segment->rank_of(first == -2000 ? 3000 : first - 1));
  const RowLayer layer = segment->layer({});
  CHECK(layer.block_of(4500).id(4500 % layer.block_rows) == first + 4500);
  CHECK(fault_of([&] { segment->verify(); }) == Fault::kCorrupt);
  flip_bit(file.path(), ids.offset + ids.bytes / 2);
  flip_bit(file.path(), ids.offset);  // by which they are known
  CHECK(fault_of([&] { Segment::open(file.path(), kSpec, kIdentity); }) == Fault::kCorrupt);
}

TEST_CASE("a row that is read by itself is the segment's, however many have been read before",
          "[storage][segment]") {
  const TemporaryFile file;
  const VectorSpec spec =
      GENERATE(VectorSpec(kSpec), VectorSpec{Element::kFloat32, Metric::kL2, 1500},
               VectorSpec{Element::kBit, Metric::kHamming, 64});
  write(file.path(), spec, random_rows(1500, spec, 14));
  const auto segment = Segment::open(file.path(), spec, kIdentity);
  const auto by_itself = Segment::open(file.path(), spec, kIdentity);
  std::vector<std::byte> room;
  for (const size_t times : {1, 2})
    for (size_t row = 0; row < segment->rows(); row += times) {
      const std::byte* const vector = by_itself->exact_row(row, room);
      REQUIRE(std::memcmp(vector, segment->vector(row), spec.bytes()) == 0);
    }
}

TEST_CASE("a row that has changed is found when it is read by itself", "[storage][segment]") {
  const TemporaryFile file;
  write(file.path(), kSpec, random_rows(1500, kSpec, 15));
  const auto offset_of = [&](size_t row) {
    const auto segment = Segment::open(file.path(), kSpec, kIdentity);
    const auto* const begin = segment->block().exact;
    SegmentHeader header{};
    File(file.path(), File::Mode::kRead).read_at(0, &header, sizeof header);
    return place(header, Section::kExact).offset +
           static_cast<uint64_t>(segment->vector(row) - begin);
  };
  for (const size_t row : {0, 700, 1400}) {
    const uint64_t offset = offset_of(row);
    flip_bit(file.path(), offset);
    const auto segment = Segment::open(file.path(), kSpec, kIdentity);
    std::vector<std::byte> room;
    segment->exact_row(row == 0 ? 1000 : 0, room);
    CHECK(fault_of([&] { segment->exact_row(row, room); }) == Fault::kCorrupt);
    CHECK(segment->is_damaged());
    flip_bit(file.path(), offset);
  }
}

TEST_CASE("a segment whose header says anything is read within its bounds, or not at all",
          "[storage][segment]") {
  const TemporaryFile file;
  write(file.path(), kSpec, random_rows(1000, kSpec, 12));
  const uint64_t bytes = std::filesystem::file_size(file.path());
  SegmentHeader whole{};
  File(file.path(), File::Mode::kRead).read_at(0, &whole, sizeof whole);
  const std::string query(kSpec.bytes(), '\1');
  std::mt19937_64 random(13);
  size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const SegmentHeader header = changed(whole, bytes, random);
    std::fstream(file.path(), std::ios::binary | std::ios::in | std::ios::out)
        .write(reinterpret_cast<const char*>(&header), sizeof header);
    try {
      const auto segment = Segment::open(file.path(), kSpec, kIdentity);
      NearestStream(kSpec, query.data(), {segment->layer({})}, {.expected = 1}).next();
      segment->rank_of(5);
      segment->verify();
    } catch (const StorageError& error) {
      REQUIRE(error.fault() == Fault::kCorrupt);
      ++refused;
    }
  }
  CHECK(refused > 2000);
}

TEST_CASE("a segment that is being written or read is not swept", "[storage][segment]") {
  const TemporaryFile file;
  const auto is_free = [&] {
    File other(file.path(), File::Mode::kRead);
    return other.try_lock_exclusive();
  };
  {
    SegmentWriter writer(file.path(), kSpec, kIdentity);
    CHECK_FALSE(is_free());
    writer.finish([](size_t) { return true; });
    CHECK_FALSE(is_free());
  }
  CHECK(is_free());
  auto segment = Segment::open(file.path(), kSpec, kIdentity);
  CHECK_FALSE(is_free());
  const RowLayer layer = segment->layer({});
  segment.reset();
  CHECK_FALSE(is_free());  // the layer keeps the mapping
}
