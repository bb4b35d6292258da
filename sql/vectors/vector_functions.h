// Vectors made from values and looked into: vec_f32(), vec_int8(), vec_bit(), vec_type(),
// vec_length(), vec_to_json().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> vector_functions() noexcept;

}  // namespace kindred::sql
