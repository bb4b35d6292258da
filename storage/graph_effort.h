// How much effort a graph needs: it differs from data to data by a factor of ten.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "storage/coded_rows.h"
#include "storage/graph.h"
#include "storage/segment.h"

namespace kindred::storage {

// The smallest of a few ef, from kLeastEf to kMostEf, with which searches for a sample of the rows
// find 98 % of the ten rows whose codes are nearest to theirs, or as many that are as near. Where
// codes are of a prefix it is the ten whose vectors are nearest, and up to kMostEfOfPrefix. Throws
// StorageError (kCorrupt) if a vector is damaged. REQUIRES: `rows` are the segment's.
size_t effort_of(const Graph& graph, const CodedRows& rows, const Segment& segment,
                 const VectorSpec& spec);

}  // namespace kindred::storage
