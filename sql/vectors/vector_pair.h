// The two vectors of a binary vector function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "sql/function.h"
#include "sql/value.h"

namespace kindred::sql {

// Of one element type and dimension.
struct VectorPair {
  Vector a, b;

  math::Element element() const noexcept { return a.element(); }
  size_t dim() const noexcept { return a.dim(); }
};

// Arguments 1 and 2 of the call; nullopt if either is NULL. Throws std::invalid_argument if one is
// no vector, or if they differ in element type or dimension. check_finite: see vector_of().
std::optional<VectorPair> pair_of(const Call& call, bool check_finite = true);

// Throws std::invalid_argument: "vec_add(): element types differ: float32 and int8", "cosine():
// dimensions differ: 384 and 768".
void require_same_element(const Call& call, math::Element a, math::Element b);
void require_same_dim(const Call& call, size_t a, size_t b);

// Throws std::invalid_argument: "vec_add(): float32 or int8 vectors are wanted, got bit".
[[noreturn]] void reject_element(const Call& call, const char* wanted, math::Element got);

}  // namespace kindred::sql
