// Vectors made from vectors: vec_add(), vec_sub(), vec_scale(), vec_normalize(), vec_slice(),
// vec_concat() and the quantisers. Results are finite: overflow is an error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> vector_arithmetic() noexcept;

// x rounded to float32. Throws std::invalid_argument, naming element i of the result, if that
// overflows.
float narrow(const Call& call, double x, size_t i);

}  // namespace kindred::sql
