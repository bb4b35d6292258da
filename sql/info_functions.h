// kindred_version() and kindred_info(): what is loaded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"

namespace kindred::sql {

// Rows for register_all().
std::span<const Function> info_functions() noexcept;

}  // namespace kindred::sql
