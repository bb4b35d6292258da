// SPDX-License-Identifier: Apache-2.0
#include "storage/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "storage/error.h"

namespace kindred::storage {
namespace {

constexpr uint64_t kSyncStep = 1 << 20;

[[noreturn]] void fail(const std::string& path, const char* what) {
  const int error = errno;
  throw StorageError(fault_of_errno(error), path + ": " + what + ": " + std::strerror(error));
}

// Whom something new is for.
struct Access {
  mode_t mode;
  uid_t user;
  gid_t group;
};

// nullopt if there is no `like`.
std::optional<Access> access_like(const std::string& like) {
  struct stat info {};
  if (::stat(like.empty() ? "." : like.c_str(), &info) != 0) return std::nullopt;
  return Access{info.st_mode & 0777, info.st_uid, info.st_gid};
}

// Adds what the umask took away. Not every file system has all of it.
void give_access(int fd, const Access& access) noexcept {
  struct stat info {};
  int ignored = ::fstat(fd, &info);
  if (ignored == 0 && (info.st_mode & 0777) != access.mode)
    ignored = ::fchmod(fd, (info.st_mode & 07000) | access.mode);
  if (::geteuid() == 0) ignored = ::fchown(fd, access.user, access.group);
  static_cast<void>(ignored);
}

std::string parent(const std::string& path) {
  return std::filesystem::path(path).parent_path();
}

}  // namespace

File::File(std::string path, Mode mode) : path_(std::move(path)) {
  if (mode == Mode::kRead) {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail(path_, "open");
    return;
  }
  std::optional<Access> access = access_like(parent(path_));
  if (access) access->mode = (access->mode & 0666) | 0600;
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, access ? access->mode : 0600);
  if (fd_ < 0) fail(path_, "open");
  if (access) give_access(fd_, *access);
}

File::~File() {
  ::close(fd_);
}

uint64_t File::size() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) fail(path_, "stat");
  return static_cast<uint64_t>(info.st_size);
}

void File::write_at(uint64_t offset, const void* data, size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::pwrite(fd_, at, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(path_, "write");
    at += written;
    offset += static_cast<uint64_t>(written);
    bytes -= static_cast<size_t>(written);
  }
}

void File::read_at(uint64_t offset, void* data, size_t bytes) const {
  auto* at = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t got = ::pread(fd_, at, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "read");
    if (got == 0) throw StorageError(Fault::kCorrupt, path_ + ": ends too early");
    at += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

void File::sync() {
  if (::fdatasync(fd_) != 0) fail(path_, "sync");
}

void File::begin_sync(uint64_t offset, uint64_t bytes) noexcept {
#ifdef SYNC_FILE_RANGE_WRITE
  ::sync_file_range(fd_, static_cast<off64_t>(offset), static_cast<off64_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
#else
  static_cast<void>(offset);
  static_cast<void>(bytes);
#endif
}

bool File::lock_shared() {
  if (::flock(fd_, LOCK_SH | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    fail(path_, "lock");
  }
  return !is_removed();
}

bool File::is_removed() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) fail(path_, "stat");
  return info.st_nlink == 0;
}

bool File::has_its_name() const {
  struct stat own {};
  struct stat named {};
  if (::fstat(fd_, &own) != 0) fail(path_, "stat");
  return ::stat(path_.c_str(), &named) == 0 && own.st_dev == named.st_dev &&
         own.st_ino == named.st_ino;
}

bool File::try_lock_exclusive() {
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  fail(path_, "lock");
}

void sync_folder(const std::string& path) {
  const int fd = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(path, "open");
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  errno = error;
  if (result != 0) fail(path, "sync");
}

bool create_folder(const std::string& path, const std::string& like) {
  std::optional<Access> access = access_like(like);
  if (access) access->mode |= (access->mode & 0444) >> 2 | 0700;
  if (::mkdir(path.c_str(), access ? access->mode : 0777) != 0) {
    const int error = errno;
    if (error == EEXIST && std::filesystem::is_directory(path)) return false;
    errno = error;
    fail(path, "create");
  }
  const int fd = access ? ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    give_access(fd, *access);
    ::close(fd);
  }
  return true;
}

SequentialWriter::SequentialWriter(File& file, uint64_t offset)
    : file_(file), offset_(offset), written_(offset), begun_(offset) {}

void SequentialWriter::write(const void* data, size_t bytes) {
  const auto* at = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    const uint64_t step_end = (position() / step_ + 1) * step_;
    const uint64_t end = std::min(block_end(), step_end);
    const auto part = static_cast<size_t>(std::min<uint64_t>(bytes, end - position()));
    buffer_.insert(buffer_.end(), at, at + part);
    at += part;
    bytes -= part;
    if (position() == block_end()) {
      sums_.push_back(checksum(buffer_.data() + summed_, kSumBlock));
      summed_ += kSumBlock;
    }
    if (position() == step_end) publish();
  }
}

void SequentialWriter::pad(size_t alignment) {
  static constexpr std::byte kZeros[kSumBlock] = {};
  const uint64_t over = position() % alignment;
  if (over != 0) write(kZeros, alignment - over);
}

void SequentialWriter::publish() {
  const auto unwritten = static_cast<size_t>(position() - written_);
  file_.write_at(written_, buffer_.data() + buffer_.size() - unwritten, unwritten);
  written_ = position();
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(summed_));
  offset_ += summed_;
  summed_ = 0;
  if (written_ - begun_ < kSyncStep) return;
  file_.begin_sync(begun_, written_ - begun_);
  begun_ = written_;
}

void SequentialWriter::finish() {
  if (summed_ < buffer_.size())
    sums_.push_back(checksum(buffer_.data() + summed_, buffer_.size() - summed_));
  publish();
}

Mapping::Mapping(const File& file, uint64_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (data == MAP_FAILED) fail(file.path(), "map");
  data_ = static_cast<const std::byte*>(data);
}

void Mapping::prefer_huge_pages() const noexcept {
#if defined(MADV_HUGEPAGE)
  ::madvise(const_cast<std::byte*>(data_), bytes_, MADV_HUGEPAGE);
#endif
}

void Mapping::populate() const noexcept {
  void* data = const_cast<std::byte*>(data_);
#if defined(MADV_POPULATE_READ)
  if (::madvise(data, bytes_, MADV_POPULATE_READ) == 0) return;
#endif
  ::madvise(data, bytes_, MADV_WILLNEED);  // Linux before 5.14; no more than a wish
}

void Mapping::release() const noexcept {
  if (data_ != nullptr) madvise(const_cast<std::byte*>(data_), bytes_, MADV_DONTNEED);
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), bytes_);
}

uint64_t checksum(const void* data, size_t bytes) noexcept {
  return XXH3_64bits(data, bytes);
}

}  // namespace kindred::storage
