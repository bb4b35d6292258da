// SPDX-License-Identifier: Apache-2.0
#include "storage/building/node_codes.h"

#include <utility>

#include "storage/codes/row_codes.h"

namespace kindred::storage {
namespace {

// Of principal codes. Longer ones take longer to find than they save.
constexpr size_t kMostBytes = 4 * kPrincipalBytes;

// Whose int8 codes are no longer.
constexpr size_t kFewDimensions = kPrincipalBytes - sizeof(NodeNumbers);

}  // namespace

NodeCodes::NodeCodes(const CodedRows& rows, const VectorSpec& spec, const GraphEffort& effort,
                     uint64_t seed)
    : rows_(rows), codes_(reinterpret_cast<const std::byte*>(rows.codes)), bytes_(rows.stride) {
  // A distance of prefixes is divided by each row's norm, of which 4-bit codes know no part.
  if (!has_codes(spec) || spec.prefix > 0 || spec.dim <= kFewDimensions) return;
  for (size_t bytes = kPrincipalBytes; bytes <= kMostBytes; bytes += kPrincipalBytes) {
    PrincipalEncoder encoder(rows, spec.dim, bytes, seed);
    math::AlignedBytes codes = encoder.codes(rows);
    if (effort.is_enough(rows, encoder.axes(), codes.get())) {
      encoder_ = std::move(encoder);
      principal_ = std::move(codes);
      codes_ = principal_.get();
      bytes_ = bytes;
      if (encoder_->projected_stride() < rows.stride) projected_ = encoder_->project(rows);
      return;
    }
    if (axes_of_code(bytes) >= spec.dim) return;
  }
}

}  // namespace kindred::storage
