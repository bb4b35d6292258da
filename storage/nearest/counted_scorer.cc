// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/counted_scorer.h"

#include <algorithm>

#include "storage/codes/row_codes.h"

namespace kindred::storage {
namespace {

// In ns: a row that is looked at exactly, at least.
constexpr double kLookCost = 600;

}  // namespace

// Both wait for memory in the main: a scan in order, where few bytes are soon read.
SearchCosts search_costs(const VectorSpec& spec) noexcept {
  constexpr SearchCosts kOfBytes{.graph = 45, .scan = 10, .look = 0};
  if (spec.prefix > 0) {  // bounds may say little: whole vectors are scanned then
    constexpr double kOfWhole = 0.04;
    return {.graph = kOfBytes.graph,
            .scan = kOfBytes.scan + kOfWhole * static_cast<double>(exact_stride(spec)),
            .look = 200};
  }
  if (spec.element == math::Element::kFloat32 && !has_codes(spec)) {
    constexpr double kNode = 25;
    constexpr double kNodeByte = 0.05;
    constexpr double kRow = 1.5;
    constexpr double kByte = 0.03;
    const auto bytes = static_cast<double>(exact_stride(spec));
    return {.graph = kNode + kNodeByte * bytes, .scan = kRow + kByte * bytes, .look = 0};
  }
  if (spec.element != math::Element::kBit) return kOfBytes;
  constexpr double kRow = 1;
  constexpr double kByte = 0.0235;
  return {.graph = 45, .scan = kRow + kByte * static_cast<double>(exact_stride(spec)), .look = 0};
}

void CountedScorer::count_look() noexcept {
  ++visited;
  cost += std::max(costs.look, kLookCost) * 1e-3;
}

void CountedScorer::count_look_in_order() noexcept {
  ++visited;
  cost += std::max(costs.look, kLookCost) / kAstray * 1e-3;
}

}  // namespace kindred::storage
