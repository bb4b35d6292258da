// SPDX-License-Identifier: Apache-2.0
#include <hnswlib/hnswlib.h>

#include "bench/rivals.h"

namespace kindred::bench {

HnswlibDistance hnswlib_inner_product(size_t dim) {
  return hnswlib::InnerProductSpace(dim).get_dist_func();
}

}  // namespace kindred::bench
