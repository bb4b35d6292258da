// The vector functions of SQL: cosine(), vec_*() scalars and aggregates.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> vector_functions() noexcept;

}  // namespace kindred::sql
