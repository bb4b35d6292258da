// A text's vector in which the order of its tokens counts, made of any model's embedding table: the
// sum over positions n of row(token n) * (1 + p(n) / 2), dimension by dimension, brought to length
// 1; p(n) is the sinusoidal encoding of n in as many dimensions as are kept. Multiplied, for what
// is only added to each row is the same in every order of the rows; halved, for the whole of it
// takes twice as much from how well meanings are told apart.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "model/embedder.h"

namespace kindred::model {

// Writes the first out.size() dimensions at length 1 and returns true; returns false and leaves
// `out` alone if the text has no content. A token without a row counts as the model's vector of its
// text, at the length of the mean row of the text (1 if there is none).
// REQUIRES: model.table() is as wide as the model, 1 <= out.size() <= that width.
bool embed_in_order(const Embedder& model, std::string_view text, std::span<float> out);

}  // namespace kindred::model
