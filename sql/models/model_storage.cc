// SPDX-License-Identifier: Apache-2.0
#include "sql/models/model_storage.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include "sql/boundary.h"
#include "sql/database_file.h"
#include "sql/statement.h"
#include "sql/store_access.h"
#include "storage/error.h"
#include "storage/segments/segment_builder.h"

namespace kindred::sql {
namespace {

using storage::Segment;
using storage::SegmentBuilder;
using storage::SegmentFolder;
using storage::StorageError;
using storage::VectorSpec;

// A BLOB of kindred_registry_bytes.
constexpr size_t kChunk = 1 << 20;

enum class Part : int64_t { kPack = 0, kRows = 1 };

[[noreturn]] void corrupt(const ModelRecord& record, const std::string& what) {
  throw StorageError(storage::Fault::kCorrupt, "kindred_models: " + record.name + ": " + what);
}

VectorSpec row_spec(size_t dim) {
  return {math::Element::kFloat32, math::Metric::kCosine, dim};
}

std::string_view bytes_of(std::span<const float> row) {
  return {reinterpret_cast<const char*>(row.data()), row.size_bytes()};
}

// What all writers see to: rows come before the pack and have one width.
struct RowCount {
  size_t rows = 0;
  size_t dim = 0;
  void add(size_t width) {
    if (rows++ == 0) dim = width;
    if (width != dim || dim == 0 || dim > 65536)
      throw std::logic_error("a model's rows have different dimensions");
  }
};

class SegmentModelWriter final : public ModelWriter {
 public:
  SegmentModelWriter(sqlite3* db, const std::string& database, int64_t id)
      : db_(db), folder_(database), id_(id) {}
  ~SegmentModelWriter() override {
    if (kept_) return;
    for (std::shared_ptr<const Segment>* segment : {&rows_segment_, &pack_segment_}) {
      if (*segment == nullptr) continue;
      const int64_t id = (*segment)->id();
      segment->reset();
      storage::discard(folder_, id);
    }
  }

  void add_row(std::span<const float> row) override {
    count_.add(row.size());
    if (!rows_) rows_ = std::make_unique<SegmentBuilder>(folder_, row_spec(row.size()), id_);
    rows_->append(static_cast<int64_t>(count_.rows - 1), bytes_of(row));
  }

  void append(std::span<const uint8_t> bytes) override {
    if (!pack_) pack_ = std::make_unique<SegmentBuilder>(folder_, pack_spec(), id_);
    pack_bytes_ += bytes.size();
    while (!bytes.empty()) {
      const size_t part = std::min(bytes.size(), kPackPage - page_.size());
      page_.append(reinterpret_cast<const char*>(bytes.data()), part);
      bytes = bytes.subspan(part);
      if (page_.size() == kPackPage) write_page();
    }
  }

  void finish(ModelRecord& record) override {
    if (!pack_) throw std::logic_error("a model has no pack");
    if (!page_.empty()) write_page();
    record.pack_bytes = pack_bytes_;
    record.rows = count_.rows;
    record.row_dim = count_.dim;
    const std::shared_ptr<storage::Store> store = wait_for_store(db_, folder_);
    record.store = store->id();
    const auto all = [](size_t) { return true; };
    if (rows_) {
      rows_segment_ = rows_->finish(all);
      record.rows_segment = rows_segment_->id();
    }
    pack_segment_ = pack_->finish(all);
    record.pack_segment = pack_segment_->id();
  }
  void keep() noexcept override { kept_ = true; }

 private:
  void write_page() {
    page_.resize(kPackPage);
    pack_->append(static_cast<int64_t>(pack_->rows()), page_);
    page_.clear();
  }

  sqlite3* db_;
  SegmentFolder folder_;
  int64_t id_;
  RowCount count_;
  size_t pack_bytes_ = 0;
  std::string page_;
  std::unique_ptr<SegmentBuilder> rows_;
  std::unique_ptr<SegmentBuilder> pack_;
  std::shared_ptr<const Segment> rows_segment_;  // finished; not swept while it is held
  std::shared_ptr<const Segment> pack_segment_;
  bool kept_ = false;
};

class TableModelWriter final : public ModelWriter {
 public:
  TableModelWriter(sqlite3* db, int64_t id) : db_(db), id_(id) {}
  ~TableModelWriter() override {
    if (kept_ || !insert_) return;
    const auto ignore = [](int, const char*) noexcept {};  // bytes that no model has do no harm
    guard([&] { remove_model(db_, id_); }, ignore);
  }

  void add_row(std::span<const float> row) override {
    count_.add(row.size());
    write(Part::kRows, bytes_of(row));
  }
  void append(std::span<const uint8_t> bytes) override {
    if (part_ == Part::kRows) flush();
    pack_bytes_ += bytes.size();
    write(Part::kPack, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void finish(ModelRecord& record) override {
    flush();
    record.pack_bytes = pack_bytes_;
    record.rows = count_.rows;
    record.row_dim = count_.dim;
  }
  void keep() noexcept override { kept_ = true; }

 private:
  void write(Part part, std::string_view bytes) {
    part_ = part;
    while (!bytes.empty()) {
      const size_t taken = std::min(bytes.size(), kChunk - chunk_.size());
      chunk_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (chunk_.size() == kChunk) flush();
    }
  }
  void flush() {
    if (chunk_.empty()) return;
    if (!insert_) {
      create_registry(db_);
      insert_ = Statement(db_,
                          "INSERT INTO main.kindred_registry_bytes(model, part, n, bytes) "
                          "VALUES(?1, ?2, ?3, ?4)");
    }
    insert_.bind(1, id_).bind(2, static_cast<int64_t>(part_)).bind(3, next_++);
    insert_.bind_blob(4, chunk_.data(), chunk_.size()).run();
    chunk_.clear();
  }

  sqlite3* db_;
  int64_t id_;
  Statement insert_;  // prepared when there is something to write
  RowCount count_;
  size_t pack_bytes_ = 0;
  Part part_ = Part::kPack;
  std::string chunk_;
  int64_t next_ = 0;
  bool kept_ = false;
};

class SegmentRows final : public model::PackedRows {
 public:
  SegmentRows(std::shared_ptr<const Segment> segment, size_t dim)
      : segment_(std::move(segment)), dim_(dim) {}
  size_t size() const noexcept override { return segment_->rows(); }
  size_t dim() const noexcept override { return dim_; }
  const float* row(model::TokenId id) const override {
    return reinterpret_cast<const float*>(segment_->vector(id));
  }

 private:
  std::shared_ptr<const Segment> segment_;
  size_t dim_;
};

class MemoryRows final : public model::PackedRows {
 public:
  MemoryRows(std::vector<float> values, size_t dim) : values_(std::move(values)), dim_(dim) {}
  size_t size() const noexcept override { return values_.size() / dim_; }
  size_t dim() const noexcept override { return dim_; }
  const float* row(model::TokenId id) const override { return values_.data() + id * dim_; }

 private:
  std::vector<float> values_;
  size_t dim_;
};

// Exactly `count` values; a database that has more or fewer is damaged.
template <class T>
std::vector<T> read_part(sqlite3* db, const ModelRecord& record, Part part, size_t count) {
  std::vector<T> values;
  Statement chunks(db,
                   "SELECT bytes FROM main.kindred_registry_bytes WHERE model = ?1 AND part = ?2 "
                   "ORDER BY n");
  chunks.bind(1, record.id).bind(2, static_cast<int64_t>(part));
  size_t got = 0;
  while (chunks.step()) {
    const std::string_view chunk = chunks.blob(0);
    if (chunk.size() > count * sizeof(T) - got || chunk.size() % sizeof(T) != 0) break;
    values.resize((got + chunk.size()) / sizeof(T));
    std::copy(chunk.begin(), chunk.end(), reinterpret_cast<char*>(values.data()) + got);
    got += chunk.size();
  }
  if (got != count * sizeof(T))
    corrupt(record, "kindred_registry_bytes: " + std::to_string(count * sizeof(T)) +
                        " bytes are wanted, got " + std::to_string(got));
  return values;
}

// The segment mapped, every row there that the record says.
std::shared_ptr<const Segment> map_segment(const SegmentFolder& folder, const VectorSpec& spec,
                                           const ModelRecord& record, int64_t segment,
                                           size_t rows) {
  std::shared_ptr<const Segment> mapped =
      storage::shared_segment(folder, spec, {segment, record.id});
  const size_t last = rows - 1;
  if (mapped->rows() != rows || mapped->distinct() != rows ||
      mapped->id_at(last) != static_cast<int64_t>(last))
    corrupt(record, "segment " + std::to_string(segment) + " has other rows than are wanted");
  return mapped;
}

// The same; one that is missing or damaged is written anew from the store. `whole`: all of it is
// compared with its checksums.
std::shared_ptr<const Segment> require_segment(sqlite3* db, const VectorSpec& spec,
                                               const ModelRecord& record, int64_t segment,
                                               size_t rows, bool whole) {
  const SegmentFolder folder(main_database(db));
  const auto map = [&] {
    std::shared_ptr<const Segment> mapped = map_segment(folder, spec, record, segment, rows);
    if (whole) mapped->verify();
    return mapped;
  };
  return map_or_restore(map, [&](const std::string& damage) {
    const std::string where = "kindred_models: " + record.name + ": ";
    if (!std::filesystem::exists(folder.store()))
      throw StorageError(storage::Fault::kMissing,
                         where + "the database was copied without " + folder.path() +
                             ", which has its models: copy the folder along, or make the copy "
                             "with kindred_backup()");
    try {
      const std::shared_ptr<storage::Store> store = wait_for_store(db, folder);
      storage::restore_file(folder, spec, {segment, record.id}, record.store);
    } catch (const StorageError& error) {
      throw StorageError(error.fault(), where + damage + "; " + error.what());
    }
  });
}

}  // namespace

VectorSpec pack_spec() {
  return {math::Element::kInt8, math::Metric::kL1, kPackPage};
}

VectorSpec rows_spec(const ModelRecord& record) {
  return row_spec(record.row_dim);
}

bool OpenModel::is_damaged() const noexcept {
  return (pack != nullptr && pack->is_damaged()) || (rows != nullptr && rows->is_damaged());
}

bool OpenModel::is_removed() const {
  return (pack != nullptr && pack->is_removed()) || (rows != nullptr && rows->is_removed());
}

std::string main_database(sqlite3* db) {
  return database_file(db, "main");
}

std::shared_ptr<const OpenModel> open_model(sqlite3* db, const ModelRecord& record) {
  auto open = std::make_shared<OpenModel>();
  if (record.pack_bytes == 0 ||
      (record.rows > 0 && (record.row_dim == 0 || record.row_dim > 65536)))
    corrupt(record, "no model has such sizes");
  std::span<const uint8_t> pack;
  if (record.pack_segment) {
    const size_t pages = (record.pack_bytes + kPackPage - 1) / kPackPage;
    open->pack = require_segment(db, pack_spec(), record, *record.pack_segment, pages, true);
    pack = {reinterpret_cast<const uint8_t*>(open->pack->block().exact), record.pack_bytes};
  } else {
    open->pack_in_memory = read_part<uint8_t>(db, record, Part::kPack, record.pack_bytes);
    pack = open->pack_in_memory;
  }
  if (record.rows > 0 && record.rows_segment) {
    open->rows =
        require_segment(db, rows_spec(record), record, *record.rows_segment, record.rows, false);
    open->rows_spec = rows_spec(record);
    open->packed_rows = std::make_shared<SegmentRows>(open->rows, record.row_dim);
  } else if (record.rows > 0) {
    open->packed_rows = std::make_shared<MemoryRows>(
        read_part<float>(db, record, Part::kRows, record.rows * record.row_dim), record.row_dim);
  }
  open->embedder = model::open_packed(record.name, pack, open->packed_rows);
  return open;
}

std::unique_ptr<ModelWriter> write_stored_model(sqlite3* db, int64_t id) {
  const std::string database = main_database(db);
  if (database.empty()) return std::make_unique<TableModelWriter>(db, id);
  return std::make_unique<SegmentModelWriter>(db, database, id);
}

}  // namespace kindred::sql
