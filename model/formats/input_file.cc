// SPDX-License-Identifier: Apache-2.0
#include "model/formats/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace kindred::model {
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;

[[noreturn]] void fail_call(const std::string& path, const char* what, int error) {
  throw std::runtime_error("model file '" + path + "': " + what + ": " +
                           std::generic_category().message(error));
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait
  if (descriptor_ < 0) fail_call(path_, "cannot be opened", errno);
  struct stat status {};
  const int error = fstat(descriptor_, &status) == 0 ? 0 : errno;
  if (error != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    if (error != 0) fail_call(path_, "cannot be looked at", error);
    throw std::runtime_error("model file '" + path_ + "': a regular file is wanted");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  buffer_.resize(std::min<uint64_t>(size_, kBufferBytes));
}

InputFile::~InputFile() {
  close(descriptor_);  // nothing was written: no result to lose
}

std::string_view InputFile::peek(size_t wanted) {
  wanted = std::min<uint64_t>(wanted, size_ - offset_);
  if (end_ - begin_ < wanted) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (wanted > buffer_.size()) buffer_.resize(wanted);
    const uint64_t left = size_ - offset_ - end_;
    const size_t more = std::min<uint64_t>(buffer_.size() - end_, left);
    read_at(offset_ + end_, {reinterpret_cast<uint8_t*>(buffer_.data()) + end_, more});
    end_ += more;
  }
  return {buffer_.data() + begin_, end_ - begin_};
}

void InputFile::skip(size_t bytes) noexcept {
  begin_ += bytes;
  offset_ += bytes;
}

std::optional<std::string_view> InputFile::line(size_t limit) {
  if (offset_ == size_) return std::nullopt;
  std::string_view shown = peek(1);
  size_t length = shown.find('\n');
  while (length == std::string_view::npos) {
    const size_t seen = shown.size();
    if (seen > limit)
      fail(offset_, "a line of at most " + std::to_string(limit) + " bytes", "a longer one");
    if (offset_ + seen == size_)
      fail(size_, "a line feed after the last line (is the file cut short?)", "the end");
    shown = peek(2 * seen);
    length = shown.find('\n', seen);
  }
  skip(length + 1);
  return shown.substr(0, length);
}

void InputFile::read_at(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_call(path_, "cannot be read", errno);
    if (got == 0) fail(offset, "a file of " + std::to_string(size_) + " bytes", "the end");
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
}

void InputFile::fail(uint64_t offset, const std::string& wanted, const std::string& got) const {
  throw std::runtime_error("model file '" + path_ + "', offset " + std::to_string(offset) + ": " +
                           wanted + " is wanted, got " + got);
}

std::string read_file(const std::string& path, uint64_t most) {
  const InputFile file(path);
  if (file.size() > most)
    file.fail(0, "a file of at most " + std::to_string(most) + " bytes",
              std::to_string(file.size()));
  std::string bytes(file.size(), '\0');
  file.read_at(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  std::string shown = "'";
  for (const char c : text.substr(0, kShown)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > kShown ? "...'" : "'");
}

}  // namespace kindred::model
