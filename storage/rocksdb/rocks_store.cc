// The store, in RocksDB: what kindred_rocksdb.so is made of.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "storage/error.h"
#include "storage/file.h"
#include "storage/random_id.h"
#include "storage/rocksdb/rocksdb_library.h"
#include "storage/rocksdb/store_keys.h"

namespace kindred::storage {
namespace {

// Where a segment is taken in RocksDB deletes its file on any error, though its manifest may name
// the file by then and could not be synced: the store would never open again. Nothing is deleted
// meanwhile; what no manifest names the next opening removes.
class KeepWhileIngesting : public rocksdb::FileSystemWrapper {
 public:
  KeepWhileIngesting() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "KeepWhileIngesting"; }
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    return ingesting ? rocksdb::IOStatus::OK() : target()->DeleteFile(path, options, debug);
  }

  std::atomic<bool> ingesting{false};
};

struct Rocks {
  std::string folder;
  std::shared_ptr<KeepWhileIngesting> files = std::make_shared<KeepWhileIngesting>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);  // outlives the DB
  rocksdb::Options options;
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<rocksdb::ColumnFamilyHandle> about;    // handles die before the DB
  std::unique_ptr<rocksdb::ColumnFamilyHandle> vectors;  // null until it is open
  std::mutex ingesting;                                  // held to look for a segment and add it
  std::atomic<bool> write_failed{false};
};

constexpr char kVectors[] = "vectors";
constexpr char kFormatKey[] = "format";
constexpr char kIdKey[] = "id";
constexpr int kOldLogs = 16;            // more than these are worth a flush
constexpr size_t kReadahead = 2 << 20;  // a third faster scans than RocksDB's own (16 KiB blocks)

// The first process that used a store.
std::atomic<pid_t> user{0};

void become_user() noexcept {
  pid_t none = 0;
  user.compare_exchange_strong(none, ::getpid());
}

bool is_forked() noexcept {
  const pid_t first = user.load();
  return first != 0 && first != ::getpid();
}

rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

Fault fault_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return Fault::kFull;
  if (status.IsPathNotFound() || status.IsNotFound()) return Fault::kMissing;
  if (status.IsBusy() || status.IsTryAgain()) return Fault::kBusy;
  // RocksDB's file lock and lost files have no code of their own, only these texts.
  const std::string text = status.ToString();
  const auto says = [&text](const char* words) { return text.find(words) != std::string::npos; };
  if (status.IsIOError() && (says("While lock file") || says("lock hold by current process")))
    return Fault::kBusy;
  // A sorted file that is not there is named, up to RocksDB 7 by the suffix that it once had.
  if (status.IsCorruption() && (says("While open a file") || says("while stat a file")) &&
      (says(".sst: ") || says(".ldb: ")))
    return Fault::kMissing;
  if (status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument())
    return Fault::kCorrupt;
  return Fault::kIo;
}

[[noreturn]] void fail(Fault fault, const std::string& folder, const std::string& text) {
  const char* help =
      is_damage(fault) ? "; the command 'rebuild' of a collection mends it from whole segment files"
                       : "";
  throw StorageError(fault, "store " + folder + ": " + text + help);
}

void check(const rocksdb::Status& status, const std::string& folder, const std::string& what) {
  if (status.ok()) return;
  if (status.IsMemoryLimit()) throw std::bad_alloc();
  const Fault fault = fault_of(status);
  const char* busy = fault == Fault::kBusy ? "already open, in another process or here: " : "";
  fail(fault, folder, what + ": " + busy + status.ToString());
}

void check_write(Rocks& rocks, const rocksdb::Status& status, const std::string& what) {
  if (!status.ok()) rocks.write_failed = true;
  check(status, rocks.folder, what);
}

std::string name_of(int64_t segment) {
  return "segment " + std::to_string(segment);
}

void check_system(const std::error_code& error, const std::string& folder,
                  const std::string& what) {
  if (error) fail(fault_of_errno(error.value()), folder, what + ": " + error.message());
}

// RocksDB syncs only what is inside the folder: a power loss could take it back with all that, or
// `<db>-kindred` above it. Done at each opening: whoever created them may have died before it.
void sync_names(const std::string& folder) {
  const std::filesystem::path outer = std::filesystem::absolute(folder).parent_path();
  sync_folder(outer);
  sync_folder(outer.parent_path());
}

// Without CURRENT, the file that it begins with, RocksDB would create a new store and delete the
// files of the old one. They are listed first: who creates the store meanwhile writes them after
// it.
void check_current(const std::string& folder) {
  bool has_tables = false;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error))
    has_tables |= file->path().extension() == ".sst";
  check_system(error, folder, "listing the files");
  if (has_tables && !std::filesystem::exists(folder + "/CURRENT", error))
    fail(Fault::kMissing, folder, "the file CURRENT is missing");
}

std::string incoming(const std::string& folder) {
  return folder + "/incoming";
}

// Files that a crash left unfinished. REQUIRES: RocksDB's lock is held.
void empty_incoming(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(incoming(folder), error);
  check_system(error, folder, "removing unfinished segments");
  std::filesystem::create_directory(incoming(folder), error);
  check_system(error, folder, "creating the folder of unfinished segments");
}

// RocksDB's LOG would be begun anew, and the old one renamed, by each opening, even one that finds
// the store locked. Errors come back as statuses; nothing else in there is of use.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Float vectors do not compress. No filters: who asks for a row knows its segment. Every file is a
// segment in the lowest level, so nothing compacts, not even for its age.
rocksdb::Options store_options() {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 << 10;
  table.block_cache = rocksdb::NewLRUCache(8 << 20);  // the page cache does as well
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.compression = rocksdb::kNoCompression;
  // Next to nothing goes through the log. RocksDB takes such amounts from the disk ahead of need.
  options.write_buffer_size = 1 << 20;
  options.bytes_per_sync = 1 << 20;  // see File::begin_sync()
  options.manifest_preallocation_size = 64 << 10;
  options.ttl = 0;
  options.periodic_compaction_seconds = 0;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;
  options.max_open_files = 100;  // of a process's 1,024, which are the host's too
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;  // no thread that wakes up for it
  options.stats_persist_period_sec = 0;
  options.info_log = std::make_shared<NoLog>();
  return options;
}

void open_rocks(Rocks& rocks) {
  rocks.options = store_options();
  rocks.options.env = rocks.env.get();
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, rocks.options}, {kVectors, rocks.options}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  check(rocksdb::DB::Open(rocks.options, rocks.folder, families, &handles, &db), rocks.folder,
        "opening");
  rocks.db.reset(db);
  rocks.about.reset(handles[0]);
  rocks.vectors.reset(handles[1]);
}

// A number under a key of the default column family; nullopt if there is none.
std::optional<int64_t> number(const Rocks& rocks, const char* key) {
  std::string text;
  const rocksdb::Status status = rocks.db->Get({}, rocks.about.get(), key, &text);
  if (status.IsNotFound()) return std::nullopt;
  check(status, rocks.folder, std::string("reading ") + key);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail(Fault::kCorrupt, rocks.folder, std::string(key) + ": no number");
  return value;
}

rocksdb::WriteOptions synced() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

// Both keys at once: a store has both or is new.
int64_t write_identity(Rocks& rocks, int64_t id) {
  rocksdb::WriteBatch batch;
  const std::string format = std::to_string(kStoreFormatVersion);
  check(batch.Put(rocks.about.get(), kFormatKey, format), rocks.folder, "noting the format");
  check(batch.Put(rocks.about.get(), kIdKey, std::to_string(id)), rocks.folder, "noting the id");
  check_write(rocks, rocks.db->Write(synced(), &batch), "creating the store");
  return id;
}

// An iterator over [first, limit), which it must not outlive or move away from.
struct Range {
  SegmentKey first;
  SegmentKey limit;
  rocksdb::Slice limit_slice;
  std::unique_ptr<rocksdb::Iterator> rows;

  Range(const Rocks& rocks, uint64_t first_segment, uint64_t limit_segment, size_t readahead = 0)
      : first(segment_key(first_segment)), limit(segment_key(limit_segment)) {
    limit_slice = slice(limit.view());
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &limit_slice;
    options.readahead_size = readahead;
    options.fill_cache = false;
    rows.reset(rocks.db->NewIterator(options, rocks.vectors.get()));
    rows->Seek(slice(first.view()));
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

bool is_empty(const Rocks& rocks, int64_t segment) {
  const Range range(rocks, segment, uint64_t(segment) + 1);
  check(range.rows->status(), rocks.folder, "looking for " + name_of(segment));
  return !range.rows->Valid();
}

// What the end of a segment says. Throws kCorrupt if it is none.
int64_t row_count(const Rocks& rocks, int64_t segment, std::string_view end) {
  if (end.size() != 8) fail(Fault::kCorrupt, rocks.folder, name_of(segment) + ": end damaged");
  return static_cast<int64_t>(big_endian(end.data()));
}

// A child that was forked after a store has been used would hang in exit(): RocksDB 7.8 destroys a
// condition variable of its pool of threads, which stays when stores are closed; glibc believes a
// thread to be waiting on it, which the child does not have. So the child leaves before that,
// without the exit handlers that are older than the first store.
#ifdef __GLIBC__
void leave_child(int status, void*) {
  if (!is_forked()) return;
  std::fflush(nullptr);
  ::_exit(status);
}

void mind_children() {
  static const int added = ::on_exit(leave_child, nullptr);  // handlers run backwards
  static_cast<void>(added);  // where there is no room for it, only such children suffer
}
#else
void mind_children() {}
#endif

int64_t open_format(Rocks& rocks, std::optional<int64_t> wanted) {
  const std::optional<int64_t> format = number(rocks, kFormatKey);
  if (format && *format != kStoreFormatVersion)
    fail(*format > kStoreFormatVersion ? Fault::kNewer : Fault::kCorrupt, rocks.folder,
         "format " + std::to_string(*format) + ", but this version of kindred knows " +
             std::to_string(kStoreFormatVersion) +
             (*format > kStoreFormatVersion ? ": use a newer kindred" : ""));
  const std::optional<int64_t> id = number(rocks, kIdKey);
  if (format && id) return *id;
  const Range all(rocks, 0, ~uint64_t{0});
  check(all.rows->status(), rocks.folder, "opening");
  if (format || id || all.rows->Valid())
    fail(Fault::kCorrupt, rocks.folder, "format or id missing");
  return write_identity(rocks, wanted.value_or(random_id()));
}

// Each opening begins a log, and the next one removes only what a flush has made superfluous. But
// nothing that is left to flush is in them: they would all stay, and each be read by every opening.
// So something is written and flushed now and then; the next opening removes the logs. A store that
// cannot be written to can still be read.
void drop_old_logs(Rocks& rocks, int64_t id) {
  int logs = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator file(rocks.folder, error), end; !error && file != end;
       file.increment(error))
    logs += file->path().extension() == ".log" ? 1 : 0;
  if (logs <= kOldLogs) return;
  rocksdb::Status status = rocks.db->Put(synced(), rocks.about.get(), kIdKey, std::to_string(id));
  if (status.ok()) status = rocks.db->Flush({}, rocks.about.get());
  if (!status.ok()) rocks.write_failed = true;
}

void prepare_process() {
  become_user();
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  rocksdb::Options options = store_options();
  options.env = memory.get();
  rocksdb::DB* raw = nullptr;
  rocksdb::DB::Open(options, "/prepare", &raw).PermitUncheckedError();  // all is made by now
  const std::unique_ptr<rocksdb::DB> db(raw);
  mind_children();
}

class RocksSegmentFile final : public SegmentFile {
 public:
  RocksSegmentFile(Rocks& rocks, int64_t segment, std::string path)
      : rocks_(rocks),
        segment_(segment),
        path_(std::move(path)),
        writer_(rocksdb::EnvOptions(rocks.options), rocks.options, rocks.vectors.get()) {}
  // Taken in, it has another name. One that is left here is removed by the next opening: so errors
  // are of no interest.
  ~RocksSegmentFile() override { ::unlink(path_.c_str()); }
  RocksSegmentFile(const RocksSegmentFile&) = delete;
  RocksSegmentFile& operator=(const RocksSegmentFile&) = delete;

  void create() { check(writer_.Open(path_), rocks_.folder, "beginning " + name_of(segment_)); }

  void add(int64_t id, std::string_view vector) override {
    if (rows_ > 0 && id <= last_id_)
      throw std::logic_error("SegmentIngest::add(): id " + std::to_string(id) + " after " +
                             std::to_string(last_id_));
    check(writer_.Put(slice(row_key(segment_, id).view()), slice(vector)), rocks_.folder,
          "writing " + name_of(segment_));
    ++rows_;
    last_id_ = id;
  }

  int64_t finish() override {
    const std::string what = "writing " + name_of(segment_);
    SegmentKey rows;
    put_big_endian(rows.bytes.data(), static_cast<uint64_t>(rows_));
    check(writer_.Put(slice(end_key(segment_).view()), slice(rows.view())), rocks_.folder, what);
    check(writer_.Finish(), rocks_.folder, what);  // fsyncs the file

    const std::lock_guard lock(rocks_.ingesting);
    if (!is_empty(rocks_, segment_))
      throw std::logic_error("SegmentIngest::finish(): " + name_of(segment_) + " is there already");
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;           // a link: nothing is copied
    options.write_global_seqno = false;  // nor written into
    rocks_.files->ingesting = true;
    const rocksdb::Status taken =
        rocks_.db->IngestExternalFile(rocks_.vectors.get(), {path_}, options);
    rocks_.files->ingesting = false;
    check_write(rocks_, taken, what);
    return rows_;
  }

 private:
  Rocks& rocks_;
  const int64_t segment_;
  const std::string path_;
  rocksdb::SstFileWriter writer_;
  int64_t rows_ = 0;
  int64_t last_id_ = 0;
};

class RocksStore final : public StoreBackend {
 public:
  RocksStore(const std::string& folder, std::optional<int64_t> id);
  ~RocksStore() override;
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  int64_t id() const noexcept override { return id_; }
  std::unique_ptr<SegmentFile> ingest(int64_t segment) override;
  std::optional<std::string> get(int64_t segment, int64_t id) const override;
  void scan_segment(int64_t segment, const VisitRow& visit) const override;
  std::optional<int64_t> count(int64_t segment) const override;
  std::vector<int64_t> segments() const override;
  void delete_segment(int64_t segment) override;
  bool needs_reopening() const noexcept override { return rocks_->write_failed; }

 private:
  std::unique_ptr<Rocks> rocks_;
  int64_t id_ = 0;
};

RocksStore::RocksStore(const std::string& folder, std::optional<int64_t> id)
    : rocks_(std::make_unique<Rocks>()) {
  become_user();
  if (is_forked())
    fail(Fault::kBusy, folder, "this process was forked from one that had used a store");
  rocks_->folder = folder;
  std::error_code error;
  const std::filesystem::path outer = std::filesystem::absolute(folder).parent_path();
  std::filesystem::create_directories(outer, error);
  check_system(error, folder, "creating the folder");
  create_folder(folder, outer);
  check_current(folder);
  open_rocks(*rocks_);
  mind_children();
  sync_names(folder);
  id_ = open_format(*rocks_, id);
  drop_old_logs(*rocks_, id_);
  empty_incoming(folder);
}

RocksStore::~RocksStore() {
  if (is_forked()) {
    rocks_.release();  // leaked on purpose: its threads are the parent's, so closing would wait for
                       // ever
    return;
  }
  rocks_->about.reset();
  rocks_->vectors.reset();
  // What could not be flushed is in RocksDB's log, which was synced: the next opening reads it.
  rocks_->db->Close().PermitUncheckedError();
}

std::unique_ptr<SegmentFile> RocksStore::ingest(int64_t segment) {
  static std::atomic<int64_t> number{0};
  std::string path = incoming(rocks_->folder) + "/" + std::to_string(++number) + ".sst";
  auto file = std::make_unique<RocksSegmentFile>(*rocks_, segment, std::move(path));
  file->create();
  return file;
}

std::optional<std::string> RocksStore::get(int64_t segment, int64_t id) const {
  std::string vector;
  const rocksdb::Status status =
      rocks_->db->Get({}, rocks_->vectors.get(), slice(row_key(segment, id).view()), &vector);
  if (status.IsNotFound()) return std::nullopt;
  check(status, rocks_->folder, "reading " + name_of(segment));
  return vector;
}

std::optional<int64_t> RocksStore::count(int64_t segment) const {
  std::string end;
  const rocksdb::Status status =
      rocks_->db->Get({}, rocks_->vectors.get(), slice(end_key(segment).view()), &end);
  if (status.IsNotFound()) return std::nullopt;
  check(status, rocks_->folder, "counting " + name_of(segment));
  return row_count(*rocks_, segment, end);
}

void RocksStore::scan_segment(int64_t segment, const VisitRow& visit) const {
  const Range range(*rocks_, segment, uint64_t(segment) + 1, kReadahead);
  rocksdb::Iterator& row = *range.rows;
  int64_t seen = 0;
  for (; row.Valid(); row.Next(), ++seen) {
    const std::string_view key = row.key().ToStringView();
    if (key.size() != sizeof(RowKey)) break;
    if (!visit(id_of_row(key), row.value().ToStringView())) return;
  }
  check(row.status(), rocks_->folder, "reading " + name_of(segment));
  if (!row.Valid() && seen == 0)
    fail(Fault::kMissing, rocks_->folder, name_of(segment) + " is not there");
  if (!row.Valid() || row.key() != slice(end_key(segment).view()))
    fail(Fault::kCorrupt, rocks_->folder, name_of(segment) + ": end missing");
  const int64_t rows = row_count(*rocks_, segment, row.value().ToStringView());
  if (rows != seen)
    fail(Fault::kCorrupt, rocks_->folder,
         name_of(segment) + ": " + std::to_string(seen) + " rows of " + std::to_string(rows));
}

std::vector<int64_t> RocksStore::segments() const {
  std::vector<int64_t> found;
  const Range all(*rocks_, 0, ~uint64_t{0});
  rocksdb::Iterator& row = *all.rows;
  while (row.Valid()) {
    const bool is_named = row.key().size() >= sizeof(SegmentKey);
    const uint64_t segment = is_named ? big_endian(row.key().data()) : 0;
    if (!is_named || segment >> 63 != 0)
      fail(Fault::kCorrupt, rocks_->folder, "a row without a segment");
    found.push_back(static_cast<int64_t>(segment));
    row.Seek(slice(segment_key(segment + 1).view()));
  }
  check(row.status(), rocks_->folder, "listing the segments");
  return found;
}

// A segment is a file of its own, so dropping files does it. Rows in a file that RocksDB merged
// with another segment's are deleted by range; doing that always would leave a tombstone for each
// segment.
void RocksStore::delete_segment(int64_t segment) {
  const std::string what = "deleting " + name_of(segment);
  const SegmentKey first = segment_key(segment);
  const SegmentKey limit = segment_key(uint64_t(segment) + 1);
  const rocksdb::Slice first_slice = slice(first.view());
  const rocksdb::Slice limit_slice = slice(limit.view());
  rocksdb::ColumnFamilyHandle* vectors = rocks_->vectors.get();
  check_write(*rocks_,
              rocksdb::DeleteFilesInRange(rocks_->db.get(), vectors, &first_slice, &limit_slice,
                                          /*include_end=*/false),
              what);
  if (is_empty(*rocks_, segment)) return;
  check_write(*rocks_, rocks_->db->DeleteRange(synced(), vectors, first_slice, limit_slice), what);
}

// RocksDB's own lock of a folder: nobody opens the store in it meanwhile.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) {
    check(env()->LockFile(folder + "/LOCK", &lock_), folder, "locking");
  }
  ~FolderLock() { env()->UnlockFile(lock_).PermitUncheckedError(); }  // closes it, too
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  static rocksdb::Env* env() { return rocksdb::Env::Default(); }
  rocksdb::FileLock* lock_ = nullptr;
};

// Whether two folders could be given each other's name; not every system and file system can.
bool exchange(const std::string& one, const std::string& other) {
#ifdef RENAME_EXCHANGE
  return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
#else
  static_cast<void>(one);
  static_cast<void>(other);
  return false;
#endif
}

void replace(const std::string& folder, const std::string& fresh, const std::string& aside) {
  std::error_code error;
  const auto rename = [&](const std::string& from, const std::string& to) {
    std::filesystem::rename(from, to, error);
    check_system(error, folder, "renaming " + from);
  };
  std::optional<FolderLock> lock;
  if (!std::filesystem::exists(folder)) {
    rename(fresh, folder);
  } else {
    lock.emplace(folder);
    if (exchange(fresh, folder)) {
      rename(fresh, aside);
    } else {
      rename(folder, aside);
      rename(fresh, folder);
    }
  }
  sync_names(folder);
}

std::unique_ptr<StoreBackend> open(const std::string& folder, std::optional<int64_t> id) {
  return std::make_unique<RocksStore>(folder, id);
}

}  // namespace

const RocksdbLibrary kindred_rocksdb = {KINDRED_VERSION, open, prepare_process, is_forked, replace};

}  // namespace kindred::storage
