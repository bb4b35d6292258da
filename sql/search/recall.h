// The command `recall`: how much of the truth the graphs of a collection find.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/collections/collection.h"

namespace kindred::sql {

// recall@10 of searches as they are by default against exact ones, for up to 100 of the
// collection's own vectors, evenly spread over its rowids; 1 for a collection without vectors. A
// row counts that is no farther than the tenth nearest.
double measure_recall(Collection& collection);

}  // namespace kindred::sql
