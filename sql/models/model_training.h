// Training a model from SQL: INSERT INTO kindred_models(name, source, options)
// VALUES('mine', 'train', '{"query": "SELECT title, body FROM notes"}').
//
//   query       a SELECT of one or more columns of text; the only option that is required
//   start       "default" (its vocabulary and rows) or "nothing"
//   dimensions  of the vectors: a multiple of 64
//   vocabulary  sub-words at most, where it starts from nothing
//   keep        0..1: the share of the built-in rows in the result
//   steps, batch, rate, threads, seed   of the trainer: model/train/own_rows.h
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/models/model_import.h"

namespace kindred::sql {

// Reads the rows of the query and hands the trained table to `writer`. Draws a progress bar. Throws
// Error (SQLITE_INTERRUPT) at sqlite3_interrupt() and for a query that does not compile or changes
// the database, std::invalid_argument for options that make no sense or too little text.
model::ImportResult train_model(const ModelRequest& request, model::PackWriter& writer);

}  // namespace kindred::sql
