// vec_sum(v) and vec_mean(v), as aggregates and as window functions. NULLs are skipped; of no
// vectors the result is NULL. float32 and int8 vectors give a float32 vector.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> vector_aggregates() noexcept;

}  // namespace kindred::sql
