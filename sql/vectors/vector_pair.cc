// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vector_pair.h"

#include <string>
#include <utility>

namespace kindred::sql {

std::optional<VectorPair> pair_of(const Call& call, bool check_finite) {
  if (is_null(call[0]) || is_null(call[1])) return std::nullopt;
  std::optional<Vector> a = vector_of(call[0], call.argument(0), check_finite);
  std::optional<Vector> b = vector_of(call[1], call.argument(1), check_finite);
  require_same_element(call, a->element(), b->element());
  require_same_dim(call, a->dim(), b->dim());
  return VectorPair{std::move(*a), std::move(*b)};
}

void require_same_element(const Call& call, math::Element a, math::Element b) {
  if (a == b) return;
  call.reject(std::string("element types differ: ") + math::element_name(a) + " and " +
              math::element_name(b));
}

void require_same_dim(const Call& call, size_t a, size_t b) {
  if (a == b) return;
  call.reject("dimensions differ: " + std::to_string(a) + " and " + std::to_string(b));
}

void reject_element(const Call& call, const char* wanted, math::Element got) {
  call.reject(std::string(wanted) + " vectors are wanted, got " + math::element_name(got));
}

}  // namespace kindred::sql
