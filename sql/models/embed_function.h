// embed(text [, model [, options]]).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> embed_functions() noexcept;

}  // namespace kindred::sql
