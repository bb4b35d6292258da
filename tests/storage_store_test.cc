// The store by itself: what comes back, in which order, what is refused, and what damage does.
// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/store.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <map>
#include <memory>

#include "storage/error.h"
#include "storage/rocksdb/store_keys.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/raw_store.h"
#include "tests/support/store_process.h"

namespace kindred::test {
namespace {

using storage::Fault;
using storage::SegmentIngest;
using storage::StorageError;
using storage::Store;
using Ids = std::vector<int64_t>;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

// The fault that `body` ends in; nullopt if it ends well.
template <class Body>
std::optional<Fault> fault_in(Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (const StorageError& error) {
    return error.fault();
  }
}

// Whether segment 1 holds what ingest() wrote, however it is read. Throws what the store throws.
bool reads_right(const std::string& folder, int64_t rows) {
  const Store store(folder);
  bool right = scanned_ids(store, 1) == ids_up_to(rows) && store.count(1) == rows;
  for (const int64_t id : ids_up_to(rows)) right &= store.get(1, id) == vector_of(1, id, 1536);
  return right;
}

}  // namespace

TEST_CASE("a segment's rows come back by ascending rowid, from the least to the greatest",
          "[store]") {
  const StoreFolder folder;
  const Ids ids = {kLeast, kLeast + 1, -256, -1, 0, 1, 255, 256, kGreatest - 1, kGreatest};
  Store store(folder.path());
  ingest(store, 7, ids);
  CHECK(scanned_ids(store, 7) == ids);
  CHECK(store.count(7) == std::ssize(ids));
  for (const int64_t id : ids) CHECK(store.get(7, id) == vector_of(7, id));
  CHECK(store.get(7, 2) == std::nullopt);
  CHECK(store.get(8, 1) == std::nullopt);
}

TEST_CASE("segments do not see each other's rows", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  const Ids segments = {0, 1, 255, 256, kGreatest - 1, kGreatest};
  const auto ids_of = [](int64_t segment) { return Ids{kLeast, segment % 5, kGreatest}; };
  for (const int64_t segment : segments) ingest(store, segment, ids_of(segment));
  CHECK(store.segments() == segments);
  for (const int64_t segment : segments) CHECK(scanned_ids(store, segment) == ids_of(segment));
}

TEST_CASE("a segment may be empty, its vectors too", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  CHECK(store.ingest(1).finish() == 0);
  ingest(store, 2, {5}, 0);
  CHECK(store.segments() == Ids{1, 2});
  CHECK(store.count(1) == 0);
  CHECK(store.get(2, 5) == "");
  CHECK(scanned_ids(store, 2) == Ids{5});
}

TEST_CASE("a scan ends where its visitor wants", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  ingest(store, 1, ids_up_to(100));
  int64_t last = -1;
  store.scan_segment(1, [&](int64_t id, std::string_view) { return (last = id) < 10; });
  CHECK(last == 10);
  const auto fail = [](int64_t, std::string_view) -> bool { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(store.scan_segment(1, fail), "enough");
}

TEST_CASE("a segment that is not there is missing", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  ingest(store, 1, {1});
  CHECK(store.count(2) == std::nullopt);
  CHECK(fault_in([&] { scanned_ids(store, 2); }) == Fault::kMissing);
  store.delete_segment(2);
  CHECK(store.segments() == Ids{1});
}

TEST_CASE("a store keeps its id and its segments when it is opened again", "[store]") {
  const StoreFolder folder;
  int64_t id = 0;
  {
    Store store(folder.path());
    id = store.id();
    ingest(store, 3, ids_up_to(1000));
  }
  CHECK(id > 0);
  Store store(folder.path());
  CHECK(store.id() == id);
  CHECK(scanned_ids(store, 3) == ids_up_to(1000));
  const StoreFolder other;
  CHECK(Store(other.path()).id() != id);
}

TEST_CASE("ids out of order give the segment up", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  for (const int64_t second : {5, 4, -1}) {
    SegmentIngest rows = store.ingest(1);
    rows.add(5, "five");
    CHECK_THROWS_AS(rows.add(second, "second"), std::logic_error);
    CHECK_THROWS_AS(rows.add(6, "six"), std::logic_error);
    CHECK_THROWS_AS(rows.finish(), std::logic_error);
  }
  CHECK(store.segments().empty());
  CHECK(folder.tables().empty());
  CHECK_THROWS_AS(store.ingest(-1), std::logic_error);
}

TEST_CASE("a segment is written once", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  ingest(store, 1, {1, 2});
  CHECK_THROWS_AS(ingest(store, 1, {3}), std::logic_error);
  CHECK(scanned_ids(store, 1) == Ids{1, 2});
  CHECK(folder.tables().size() == 1);
}

TEST_CASE("a segment that is not finished leaves nothing behind", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  {
    SegmentIngest rows = store.ingest(1);
    rows.add(1, vector_of(1, 1));
    CHECK(folder.tables().size() == 1);
  }
  CHECK(folder.tables().empty());
  CHECK(store.segments().empty());
}

TEST_CASE("two segments are written at the same time", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  SegmentIngest one = store.ingest(1);
  SegmentIngest two = store.ingest(2);
  for (const int64_t id : ids_up_to(100)) {
    one.add(id, vector_of(1, id));
    two.add(id, vector_of(2, id));
  }
  CHECK(two.finish() == 100);
  CHECK(one.finish() == 100);
  CHECK(scanned_ids(store, 1) == ids_up_to(100));
  CHECK(scanned_ids(store, 2) == ids_up_to(100));
}

TEST_CASE("deleting a segment frees its space and leaves the others", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  for (const int64_t segment : {1, 2, 3}) ingest(store, segment, ids_up_to(1000), 1536);
  const uintmax_t before = folder.size();
  store.delete_segment(2);
  CHECK(store.segments() == Ids{1, 3});
  CHECK(store.count(2) == std::nullopt);
  CHECK(store.get(2, 1) == std::nullopt);
  CHECK(before - folder.size() > 1000 * 1536);
  CHECK(scanned_ids(store, 1) == ids_up_to(1000));
  CHECK(scanned_ids(store, 3) == ids_up_to(1000));
  ingest(store, 2, ids_up_to(10));
  CHECK(scanned_ids(store, 2) == ids_up_to(10));
}

TEST_CASE("a scan goes on while its segment is deleted", "[store]") {
  const StoreFolder folder;
  Store store(folder.path());
  ingest(store, 1, ids_up_to(1000), 1536);
  int64_t seen = 0;
  store.scan_segment(1, [&](int64_t id, std::string_view vector) {
    if (seen++ == 0) store.delete_segment(1);
    return vector == vector_of(1, id, 1536);
  });
  CHECK(seen == 1000);
  CHECK(folder.tables().empty());
}

TEST_CASE("a segment in a file that RocksDB merged is deleted alone", "[store]") {
  const StoreFolder folder;
  { const Store store(folder.path()); }
  {
    RawStore raw(folder.path());
    const storage::SegmentKey rows = storage::segment_key(1);  // a number like any other
    for (const int64_t segment : {1, 2, 3}) {
      raw.put(RawStore::kVectors, storage::row_key(segment, 0).view(), vector_of(segment, 0));
      raw.put(RawStore::kVectors, storage::end_key(segment).view(), rows.view());
    }
    raw.merge_files();
  }
  {
    Store store(folder.path());
    store.delete_segment(2);
    CHECK(store.segments() == Ids{1, 3});
  }
  Store store(folder.path());
  CHECK(store.segments() == Ids{1, 3});
  CHECK(scanned_ids(store, 3) == Ids{0});
  ingest(store, 2, {5});
  CHECK(scanned_ids(store, 2) == Ids{5});
}

TEST_CASE("a segment that lost a row is corrupt", "[store]") {
  const StoreFolder folder;
  {
    Store store(folder.path());
    ingest(store, 1, ids_up_to(10));
    ingest(store, 2, ids_up_to(10));
  }
  {
    RawStore raw(folder.path());
    raw.remove(RawStore::kVectors, storage::row_key(1, 4).view());
    raw.remove(RawStore::kVectors, storage::end_key(2).view());
  }
  const Store store(folder.path());
  CHECK(fault_in([&] { scanned_ids(store, 1); }) == Fault::kCorrupt);
  CHECK(fault_in([&] { scanned_ids(store, 2); }) == Fault::kCorrupt);
}

TEST_CASE("a newer format is refused in words", "[store]") {
  const StoreFolder folder;
  { const Store store(folder.path()); }
  RawStore(folder.path()).put(RawStore::kAbout, "format", "2");
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kNewer);
  CHECK_THROWS_WITH(Store(folder.path()),
                    ContainsSubstring("format 2") && ContainsSubstring("newer"));
}

TEST_CASE("a store that lost its id is refused", "[store]") {
  const StoreFolder folder;
  { const Store store(folder.path()); }
  RawStore(folder.path()).remove(RawStore::kAbout, "id");
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kCorrupt);
}

TEST_CASE("a flipped bit in a sorted file is reported, or does no harm", "[store]") {
  const StoreFolder folder;
  {
    Store store(folder.path());
    ingest(store, 1, ids_up_to(60), 1536);
  }
  REQUIRE(folder.tables().size() == 1);
  const std::filesystem::path table = folder.tables()[0];
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(table));
  const std::streamoff rows = 60 * 1536;
  int reported = 0;
  for (std::streamoff at = 0; at < size; at += at < rows ? 2999 : 41) {
    CAPTURE(at, size);
    flip_bit(table, at);
    bool right = false;
    const std::optional<Fault> fault = fault_in([&] { right = reads_right(folder.path(), 60); });
    CHECK(fault.value_or(Fault::kCorrupt) == Fault::kCorrupt);
    CHECK(right != fault.has_value());
    if (at < rows) CHECK(fault);
    reported += fault.has_value();
    flip_bit(table, at);
  }
  CHECK(reported > 30);
  CHECK(scanned_ids(Store(folder.path()), 1) == ids_up_to(60));
}

TEST_CASE("a flipped bit in a file of RocksDB's own never yields wrong rows", "[store]") {
  const StoreFolder good;
  {
    Store store(good.path());
    ingest(store, 1, ids_up_to(60), 1536);
  }
  const StoreFolder bad;
  int reported = 0;
  for (const auto& entry : std::filesystem::directory_iterator(good.path())) {
    const std::filesystem::path name = entry.path().filename();
    if (!entry.is_regular_file() || name.extension() == ".sst") continue;
    const auto size = static_cast<std::streamoff>(entry.file_size());
    for (std::streamoff at = 0; at < size; at += 1 + size / 12) {
      CAPTURE(name, at, size);
      std::filesystem::remove_all(bad.path());
      std::filesystem::create_directories(bad.path());
      std::filesystem::copy(good.path(), bad.path(), std::filesystem::copy_options::recursive);
      flip_bit(std::filesystem::path(bad.path()) / name, at);
      bool right = false;
      const std::optional<Fault> fault = fault_in([&] { right = reads_right(bad.path(), 60); });
      const bool gone = fault == Fault::kMissing;  // RocksDB takes some for an unfinished write
      CHECK((right || gone || fault == Fault::kCorrupt));
      reported += fault.has_value();
    }
  }
  CHECK(reported > 20);
}

TEST_CASE("a lost sorted file is reported", "[store]") {
  const StoreFolder folder;
  {
    Store store(folder.path());
    ingest(store, 1, ids_up_to(60));
  }
  std::filesystem::remove(folder.tables().at(0));
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kMissing);
}

TEST_CASE("a lost sorted file of many is reported", "[store]") {
  const StoreFolder folder;
  {
    Store store(folder.path());
    for (int64_t segment = 1; segment <= 150; ++segment) ingest(store, segment, {1, 2});
  }
  const std::vector<std::filesystem::path> tables = folder.tables();
  std::filesystem::remove(tables.at(GENERATE(as<size_t>(), 0, 75, 149)));
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kMissing);
}

TEST_CASE("a store of more segments than a process may open files can be used", "[store]") {
  constexpr int64_t kSegments = 300;
  const StoreFolder folder;
  {
    Store store(folder.path());
    for (int64_t segment = 1; segment <= kSegments; ++segment) ingest(store, segment, {1, 2});
  }
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit low{200, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const std::optional<Fault> fault = fault_in([&] {
    Store store(folder.path());
    CHECK(std::ssize(store.segments()) == kSegments);
    for (int64_t segment = 1; segment <= kSegments; ++segment)
      CHECK(scanned_ids(store, segment) == Ids{1, 2});
    store.delete_segment(1);
    ingest(store, kSegments + 1, {1});
  });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(fault == std::nullopt);
  CHECK(std::ssize(Store(folder.path()).segments()) == kSegments);
}

TEST_CASE("a store that lost the file CURRENT is not overwritten", "[store]") {
  const StoreFolder folder;
  {
    Store store(folder.path());
    ingest(store, 1, ids_up_to(60));
  }
  const std::filesystem::path current = folder.path() + "/CURRENT";
  const std::filesystem::path elsewhere = folder.path() + "/../CURRENT";
  std::filesystem::rename(current, elsewhere);
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kMissing);
  std::filesystem::rename(elsewhere, current);
  CHECK(scanned_ids(Store(folder.path()), 1) == ids_up_to(60));
}

TEST_CASE("a store that is opened again and again does not grow", "[store]") {
  const StoreFolder folder;
  int64_t id = 0;
  {
    Store store(folder.path());
    id = store.id();
    ingest(store, 1, ids_up_to(60));
  }
  const auto logs = [&] {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      found += entry.path().extension() == ".log" ? 1 : 0;
    return found;
  };
  uintmax_t before = 0;
  for (int i = 0; i < 100; ++i) {
    const Store store(folder.path());
    REQUIRE(store.id() == id);
    REQUIRE(logs() <= 20);
    if (i == 30) before = folder.size();
  }
  CHECK(folder.size() <= before + 4096);
  CHECK(scanned_ids(Store(folder.path()), 1) == ids_up_to(60));
  CHECK(folder.tables().size() <= 6);  // a segment; and what has the store's id
}

TEST_CASE("a store with many logs of earlier openings loses them", "[store]") {
  const StoreFolder folder;
  const auto log = [&](int number) {
    return folder.path() + "/000" + std::to_string(number) + ".log";
  };
  {
    Store store(folder.path());
    ingest(store, 1, ids_up_to(60));
  }
  Store(folder.path()).id();  // flushes what the first log has: no log has anything from here on
  for (int number = 500; number < 700; ++number) std::ofstream(log(number)).flush();
  for (int i = 0; i < 2; ++i) REQUIRE(scanned_ids(Store(folder.path()), 1) == ids_up_to(60));
  for (int number = 500; number < 700; ++number) CHECK_FALSE(std::filesystem::exists(log(number)));
}

TEST_CASE("a second opening is busy, in this process and in another", "[store]") {
  const StoreFolder folder;
  {
    const Store store(folder.path());
    CHECK(fault_in([&] { Store second(folder.path()); }) == Fault::kBusy);
  }
  StoreProcess other({"hold", folder.path()});
  REQUIRE(other.line() == "open");
  CHECK(fault_in([&] { Store second(folder.path()); }) == Fault::kBusy);
  CHECK(other.finish() == 0);
  const Store store(folder.path());
}

TEST_CASE("a folder that cannot be made is no store", "[store]") {
  const StoreFolder folder;
  std::filesystem::create_directories(std::filesystem::path(folder.path()).parent_path());
  std::ofstream(folder.path()) << "a file";
  CHECK(fault_in([&] { Store store(folder.path()); }) == Fault::kIo);
}

TEST_CASE("a file that cannot grow is an error that leaves nothing behind", "[store]") {
  const StoreFolder folder;
  StoreProcess process({"full", folder.path()});
  CHECK(process.line() == "fault " + std::to_string(static_cast<int>(Fault::kIo)));
  CHECK(process.line() == "kept 2");
  CHECK(process.finish() == 0);
  CHECK(folder.tables().size() == 1);
  CHECK(Store(folder.path()).segments() == Ids{2});
}

TEST_CASE("a full disk is an error that leaves every segment whole", "[store]") {
  const StoreFolder folder;
  StoreProcess process({"no-space", folder.path()});
  const std::string refused = process.line();
  if (refused == "skip") {
    WARN("skipped: no file system can be mounted here");
    return;
  }
  CHECK(std::stoi(refused) > 5);
  CHECK(process.line() == "opening: fault " + std::to_string(static_cast<int>(Fault::kFull)));
  CHECK(process.line() == "all whole");
  CHECK(process.finish() == 0);
}

TEST_CASE("what was acknowledged is whole after kill -9, anything else whole or absent",
          "[store][crash]") {
  const StoreFolder folder;
  int whole_unacknowledged = 0;
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    std::filesystem::remove_all(folder.path());
    const int lines = 1 + round * 7 % 20;  // "half", "written" or "kept" of a segment
    int64_t kept = 0;
    {
      StoreProcess writer({"write", folder.path()});
      for (int i = 0; i < lines; ++i) REQUIRE(!writer.line().empty());
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(round * 97);
      while (std::chrono::steady_clock::now() < until) continue;
      writer.kill();
      kept = lines / 3;
      for (std::string line = writer.line(); !line.empty(); line = writer.line())
        kept += line.starts_with("kept");
    }
    Store store(folder.path());
    const Ids segments = store.segments();
    CHECK(std::ssize(segments) >= kept);
    CHECK(std::ssize(segments) <= kept + 1);
    whole_unacknowledged += std::ssize(segments) > kept;
    for (const int64_t segment : segments) CHECK(scanned_ids(store, segment) == ids_up_to(2000));
    CHECK(folder.tables().size() <= segments.size() + 1);  // one has the store's id
  }
  WARN("whole but not acknowledged: " << whole_unacknowledged << " of 30");
}

TEST_CASE("100,000 rows of 1,536 bytes are written in bounded memory", "[store][bulk]") {
  const StoreFolder folder;
  StoreProcess process({"bulk", folder.path()});
  const int64_t rows_per_second = std::stoll(process.line());
  const int64_t kib = std::stoll(process.line());
  CHECK(process.finish() == 0);
  WARN(rows_per_second << " rows/s, " << kib << " KiB, " << folder.size() << " bytes on disk");
#ifndef __SANITIZE_ADDRESS__  // which keeps what is freed
  CHECK(kib < 40 << 10);
#endif
  CHECK(rows_per_second > 2000);
  CHECK(folder.size() < 100000 * 1536 * 1.03);
  CHECK(Store(folder.path()).count(1) == 100000);
}

}  // namespace kindred::test
