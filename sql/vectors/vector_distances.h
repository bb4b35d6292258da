// Distances and similarities in SQL: cosine(), vec_distance_*(), vec_dot(). The values are those of
// math/metric.h, so that they agree with knn() bit for bit; what overflows float32 there is
// computed in double here.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> vector_distances() noexcept;

}  // namespace kindred::sql
