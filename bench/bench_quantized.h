// kindred's exact search beside what its peers find by quantised vectors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/questions.h"

namespace kindred::bench {

// Prints knn of k = 10 for `kindred`, which is filled; kindred's and vec0's bit vectors; vec0's
// with the second look its guide describes; sqlite-vector's scans, if there is one.
void bench_quantized(const Data& data, const Settings& settings, const Scratch& scratch,
                     Database& kindred);

}  // namespace kindred::bench
