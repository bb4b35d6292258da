// Files as storage needs them: created once, written from front to back, locked, synced, mapped.
// Every failure is a StorageError that names the path.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kindred::storage {

// An open file descriptor; closes itself.
class File {
 public:
  // kCreate: the file must not exist; who may read its folder may read it.
  enum class Mode { kRead, kCreate };

  File(std::string path, Mode mode);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const noexcept { return path_; }
  int descriptor() const noexcept { return fd_; }
  uint64_t size() const;
  void write_at(uint64_t offset, const void* data, size_t bytes);
  // Throws kCorrupt if the file ends before.
  void read_at(uint64_t offset, void* data, size_t bytes) const;
  void sync();
  // Has the system begin to write these bytes to the disk, so that sync() finds little left to do:
  // a large one would hold up others' commits. A hint.
  void begin_sync(uint64_t offset, uint64_t bytes) noexcept;
  // Whether the file has no name any more.
  bool is_removed() const;
  // Whether the name it was opened by is still its own.
  bool has_its_name() const;

  // flock(2), freed by the kernel when the process dies. Shared: whoever prepares or maps the file.
  // false if the lock is held otherwise, or the file has been removed meanwhile.
  bool lock_shared();
  bool try_lock_exclusive();

 private:
  std::string path_;
  int fd_ = -1;
};

// Makes a rename, creation or removal in the folder durable. "" is where relative paths begin.
void sync_folder(const std::string& path);

// Creates the folder unless it is there. It has the permissions of `like`, a folder or a file: who
// may read that may enter this; where root is at work, the owner too, as SQLite has it with files
// beside a database. Without a `like` it is made as any folder. Returns whether it was created.
bool create_folder(const std::string& path, const std::string& like);

// Files begin with it, or are of another machine.
inline constexpr uint32_t kByteOrder = 0x01020304;

// What one checksum covers: a page, so that who reads here and there reads little beside it.
inline constexpr size_t kSumBlock = 4096;

// Blocks that `bytes` bytes make, of which the last may be a short one.
constexpr uint64_t blocks_of(uint64_t bytes, size_t block = kSumBlock) noexcept {
  return (bytes + block - 1) / block;
}

// Bytes written one after the other through a buffer, with a checksum of each block.
class SequentialWriter {
 public:
  SequentialWriter(File& file, uint64_t offset);

  // From here on 2 MiB at a time go to the system, as its huge pages lie. File systems whose cache
  // is of large folios (ext4 since Linux 6.16, xfs) map such a piece by one entry, and who reads
  // here and there waits for fewer translations of addresses: a tenth of a search of a graph. It
  // takes half as long again to write as 64 KiB at a time.
  void write_huge_pages() noexcept { step_ = kHugeStep; }
  void write(const void* data, size_t bytes);
  // Zeros up to a multiple of `alignment`, at most kSumBlock, from the file's start.
  void pad(size_t alignment);
  // Writes what is buffered, so that the file can be read up to position().
  void publish();
  // The end: the last block's checksum is taken of what there is.
  void finish();
  uint64_t position() const noexcept { return offset_ + buffer_.size(); }
  const std::vector<uint64_t>& sums() const noexcept { return sums_; }

 private:
  static constexpr uint64_t kStep = 64 << 10;
  static constexpr uint64_t kHugeStep = 2 << 20;

  uint64_t block_end() const noexcept { return offset_ + summed_ + kSumBlock; }

  File& file_;
  uint64_t offset_;  // of the buffer's first byte
  uint64_t step_ = kStep;
  uint64_t written_;               // up to here it is in the file
  uint64_t begun_;                 // up to here begin_sync() has been called
  size_t summed_ = 0;              // bytes of the buffer that have their checksum
  std::vector<std::byte> buffer_;  // from a block's beginning
  std::vector<uint64_t> sums_;
};

// A file's bytes in memory, read-only, for as long as the object lives.
class Mapping {
 public:
  Mapping(const File& file, uint64_t bytes);  // nullptr if none
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const std::byte* data() const noexcept { return data_; }
  uint64_t size() const noexcept { return bytes_; }
  // What is not in the system's cache is to come into it as huge pages, where the file system has
  // them (SequentialWriter::write_huge_pages): of these whoever reads here and there enters few, of
  // others many. A hint.
  void prefer_huge_pages() const noexcept;
  // Has all of it read and entered into the process's table, as far as the kernel can.
  void populate() const noexcept;
  // Takes its pages out of the process's table; they stay in the system's cache, and reading enters
  // them again.
  void release() const noexcept;
  // How much is worth reading before that by whoever reads all of it once.
  static constexpr size_t kReleaseBytes = 64 << 20;

 private:
  const std::byte* data_ = nullptr;
  uint64_t bytes_;
};

// XXH3-64.
uint64_t checksum(const void* data, size_t bytes) noexcept;

}  // namespace kindred::storage
