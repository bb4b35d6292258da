// Ranges and stores that are written again from whole segment files, whichever call fails.
// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/mending.h"

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "storage/error.h"
#include "storage/file.h"
#include "storage/rocksdb/shared_store.h"
#include "storage/segments/segment_builder.h"
#include "storage/segments/segment_format.h"
#include "tests/support/catch.h"
#include "tests/support/failing_calls.h"

namespace fs = std::filesystem;
using namespace kindred::test;
using namespace kindred::storage;

namespace {

const VectorSpec kSpec{kindred::math::Element::kFloat32, kindred::math::Metric::kL2, 2};
constexpr int64_t kCollection = 4;

// A database's folder with segments 1 and 2 in files and store; the store is closed.
struct Segments {
  Segments() : folder((scratch.path / "app.db").string()) {
    for (const int64_t segment : {1, 2}) {
      SegmentBuilder builder(folder, kSpec, SegmentIdentity{segment, kCollection});
      for (int64_t id = 1; id <= 5; ++id) builder.append(id, vector(segment, id));
      builder.finish([](size_t) { return true; });
      id = builder.store();
    }
    close_idle_stores(std::chrono::seconds(0));
  }
  static std::string vector(int64_t segment, int64_t id) {
    const float numbers[2] = {static_cast<float>(segment), static_cast<float>(id)};
    return {reinterpret_cast<const char*>(numbers), sizeof numbers};
  }
  // Whether the store that is there now has both.
  bool is_whole() const {
    const Store store(folder.store());
    bool whole = store.id() == id && store.segments() == std::vector<int64_t>{1, 2};
    for (const int64_t segment : {1, 2})
      for (int64_t row = 1; row <= 5; ++row)
        whole = whole && store.get(segment, row) == vector(segment, row);
    return whole;
  }

  struct Scratch {
    fs::path path = fs::temp_directory_path() / ("kindred-mending-" + std::to_string(::getpid()));
    Scratch() { fs::create_directories(path); }
    ~Scratch() { fs::remove_all(path); }
  } scratch;
  SegmentFolder folder;
  int64_t id = 0;
};

void cut(const std::string& path) {
  fs::resize_file(path, fs::file_size(path) - 1);
}

}  // namespace

TEST_CASE("a segment is whole if its file says so", "[store][mending]") {
  const Segments both;
  REQUIRE(whole_segment(both.folder, 1) != nullptr);
  CHECK(whole_segment(both.folder, 1)->distinct() == 5);
  CHECK(whole_segment(both.folder, 3) == nullptr);
  const std::string file = both.folder.file(1);
  SECTION("cut") {
    cut(file);
  }
  SECTION("under another's name") {
    fs::rename(both.folder.file(2), file);
  }
  SECTION("with another byte") {
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(4100).put('x');
  }
  SECTION("of vectors that no collection has") {
    SegmentHeader header{};
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.read(reinterpret_cast<char*>(&header), sizeof header);
    header.dim = header.exact_stride = header.code_stride = 0;
    for (const Section section : {Section::kExact, Section::kCodes, Section::kCoarse,
                                  Section::kCoarseNumbers, Section::kCentre})
      place(header, section).bytes = 0;
    header.header_sum = checksum(&header, offsetof(SegmentHeader, header_sum));
    bytes.seekp(0).write(reinterpret_cast<const char*>(&header), sizeof header);
  }
  SECTION("begun and never finished") {
    std::ofstream(file, std::ios::trunc) << std::string(5000, '\0');
  }
  CHECK(whole_segment(both.folder, 1) == nullptr);
}

TEST_CASE("a range is written again where it differs, and only there", "[store][mending]") {
  const Segments both;
  const auto first = whole_segment(both.folder, 1);
  {
    Store store(both.folder.store());
    CHECK_FALSE(mend_range(store, *first));
    store.delete_segment(1);
    CHECK(mend_range(store, *first));
    CHECK_FALSE(mend_range(store, *first));
    store.delete_segment(1);
    SegmentIngest ingest = store.ingest(1);
    for (int64_t id = 1; id <= 5; ++id) ingest.add(id, Segments::vector(7, id));
    ingest.finish();
    CHECK(mend_range(store, *first));
    store.delete_segment(2);
    mend_lost_ranges(both.folder, store, {1, 2, 9});  // 9 has no file
  }
  CHECK(both.is_whole());
}

TEST_CASE("a store that is open is not replaced", "[store][mending]") {
  const Segments both;
  {
    const Store store(both.folder.store());
    CHECK_THROWS_WITH(remake_store(both.folder, both.id, {1, 2}),
                      ContainsSubstring("already open"));
  }
  CHECK_FALSE(fs::exists(both.folder.store() + ".new"));
  remake_store(both.folder, both.id, {1, 2});
  CHECK(both.is_whole());
  remake_store(both.folder, both.id, {1, 2});
  CHECK(both.is_whole());
  CHECK(fs::exists(both.folder.store() + ".damaged"));
  CHECK(fs::exists(both.folder.store() + ".damaged.2"));
}

TEST_CASE("a store is replaced only if the files of all named segments are whole",
          "[store][mending]") {
  const Segments both;
  cut(both.folder.file(2));
  CHECK_THROWS_WITH(remake_store(both.folder, both.id, {1, 2}), ContainsSubstring("2.kin"));
  CHECK(both.is_whole());  // the old one
  remake_store(both.folder, both.id, {1});
  CHECK(Store(both.folder.store()).segments() == std::vector<int64_t>{1});
}

TEST_CASE("whichever call fails while a store is replaced, it is the old one or the new",
          "[store][mending]") {
  const Failure failure = GENERATE(Failure::kError, Failure::kFull);
  const Segments both;
  bool reached = true;
  int replaced = 0;
  for (int64_t at = 1; reached; ++at) {
    INFO("call " << at << ", failure " << static_cast<int>(failure));
    watch_calls({(both.scratch.path / "app.db").string(), failure, at, ""});
    try {
      remake_store(both.folder, both.id, {1, 2});
      ++replaced;
    } catch (const StorageError&) {
      // What is to be shown is what is there afterwards.
    }
    reached = has_failed();
    lift_failure();
    REQUIRE(both.is_whole());
    for (const auto& entry : fs::directory_iterator(both.folder.path()))
      if (entry.path().string().find(".damaged") != std::string::npos) fs::remove_all(entry.path());
  }
  CHECK(replaced > 0);
}
