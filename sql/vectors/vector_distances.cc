// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vector_distances.h"

#include <cmath>

#include "math/metric.h"
#include "sql/vectors/vector_pair.h"

namespace kindred::sql {
namespace {

using math::Metric;

// Arguments 1 and 2 under the metric; nullopt for NULL and for cosine with a zero vector.
//
// Looking for NaN first would read every vector twice: a NaN or infinity leaves no finite distance,
// and only then the arguments are searched for it.
std::optional<double> distance_of(Metric metric, const Call& call) {
  const std::optional<VectorPair> pair = pair_of(call, /*check_finite=*/false);
  if (!pair) return std::nullopt;
  if (!math::is_defined_for(metric, pair->element()))
    reject_element(call, metric == Metric::kHamming ? "bit" : "float32 or int8", pair->element());
  const std::optional<double> d =
      math::distance(metric, pair->element(), pair->a.data(), pair->b.data(), pair->dim());
  if (d && std::isfinite(*d)) return d;
  require_finite(pair->a, call.argument(0));
  require_finite(pair->b, call.argument(1));
  return d;
}

template <Metric metric>
void distance(const Call& call) {
  if (const auto d = distance_of(metric, call)) sqlite3_result_double(call.context, *d);
}

// An integer for int8 vectors, as in sqlite-vec.
void l1_distance(const Call& call) {
  const auto d = distance_of(Metric::kL1, call);
  if (!d) return;
  const bool is_int8 =
      sqlite3_value_type(call[0]) == SQLITE_BLOB && element_of(call[0]) == math::Element::kInt8;
  if (is_int8)
    sqlite3_result_int64(call.context, static_cast<int64_t>(*d));
  else
    sqlite3_result_double(call.context, *d);
}

void cosine(const Call& call) {
  if (const auto d = distance_of(Metric::kCosine, call))
    sqlite3_result_double(call.context, 1 - *d);
}

void dot(const Call& call) {
  // 0 - d rather than -d: a dot product of 0 is not -0.0.
  if (const auto d = distance_of(Metric::kDot, call)) sqlite3_result_double(call.context, 0 - *d);
}

constexpr int kFlags = kPure | SQLITE_SUBTYPE;

constexpr Function kFunctions[] = {
    {"cosine", 2, kFlags, scalar<cosine>},
    {"vec_distance_cosine", 2, kFlags, scalar<distance<Metric::kCosine>>},
    {"vec_distance_l2", 2, kFlags, scalar<distance<Metric::kL2>>},
    {"vec_distance_l1", 2, kFlags, scalar<l1_distance>},
    {"vec_distance_hamming", 2, kFlags, scalar<distance<Metric::kHamming>>},
    {"vec_dot", 2, kFlags, scalar<dot>},
};

}  // namespace

std::span<const Function> vector_distances() noexcept {
  return kFunctions;
}

}  // namespace kindred::sql
