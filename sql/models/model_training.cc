// SPDX-License-Identifier: Apache-2.0
#include "sql/models/model_training.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/token_table.h"
#include "model/train/own_rows.h"
#include "sql/progress.h"
#include "sql/statement.h"

namespace kindred::sql {
namespace {

using Json = nlohmann::json;
using model::OwnRowsOptions;

struct TrainingOptions {
  std::string query;
  OwnRowsOptions training;
};

[[noreturn]] void reject(const std::string& what) {
  throw std::invalid_argument(what);
}

// What a value is, without printing one that could be deeper than the stack.
std::string shown(const Json& value) {
  return value.is_structured() ? value.type_name() : value.dump();
}

class OptionReader {
 public:
  OptionReader(const std::string& key, const Json& value) : key_(key), value_(value) {}

  std::string text() const {
    if (!value_.is_string()) wanted("a text");
    return value_.get<std::string>();
  }
  size_t number(uint64_t least, uint64_t most) const {
    if (!value_.is_number_unsigned() || value_.get<uint64_t>() < least ||
        value_.get<uint64_t>() > most)
      wanted("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return value_.get<size_t>();
  }
  float share(float least) const {
    if (!value_.is_number() || !(value_.get<float>() >= least && value_.get<float>() <= 1))
      wanted("a number " + std::string(least > 0 ? "above 0" : "from 0") + " and up to 1");
    return value_.get<float>();
  }
  [[noreturn]] void wanted(const std::string& what) const {
    reject("option \"" + key_ + "\": " + what + " is wanted, got " + shown(value_));
  }

 private:
  const std::string& key_;
  const Json& value_;
};

OwnRowsOptions::Start start_of(const OptionReader& value) {
  const std::string start = value.text();
  if (start == "default") return OwnRowsOptions::Start::kDefault;
  if (start != "nothing") value.wanted("\"default\" or \"nothing\"");
  return OwnRowsOptions::Start::kNothing;
}

// Those that this start makes nothing of.
void refuse_idle_options(const Json& json, OwnRowsOptions::Start start) {
  if (start == OwnRowsOptions::Start::kDefault && json.contains("vocabulary"))
    reject(
        "option \"vocabulary\" goes with \"start\": \"nothing\": from \"default\" the model has "
        "the built-in vocabulary");
  if (start == OwnRowsOptions::Start::kNothing && json.contains("keep"))
    reject(
        "option \"keep\" goes with \"start\": \"default\": from \"nothing\" there are no built-in "
        "rows to keep");
}

TrainingOptions read_options(const ModelRequest& request) {
  const Json json = Json::parse(request.options.value_or("{}"), nullptr, false);
  if (!json.is_object())
    reject("options: a JSON object is wanted, got " +
           (json.is_discarded() ? "malformed JSON" : shown(json)));
  TrainingOptions options;
  for (const auto& [key, member] : json.items()) {
    const OptionReader value(key, member);
    if (key == "query")
      options.query = value.text();
    else if (key == "start")
      options.training.start = start_of(value);
    else if (key == "dimensions")
      options.training.dimensions = value.number(1, model::TokenTable::kMaxDim);
    else if (key == "vocabulary")
      options.training.vocabulary = value.number(1, model::Vocabulary::kMaxPieces);
    else if (key == "steps")
      options.training.steps = value.number(1, 1 << 20);
    else if (key == "batch")
      options.training.batch = value.number(2, 4096);
    else if (key == "rate")
      options.training.rate = value.share(1e-6F);
    else if (key == "keep")
      options.training.keep = value.share(0);
    else if (key == "threads")
      options.training.threads = value.number(1, 1024);
    else if (key == "seed")
      options.training.seed = value.number(0, UINT32_MAX);
    else
      reject("no such option: \"" + key +
             "\" (known: query, start, dimensions, vocabulary, steps, batch, rate, "
             "keep, threads, seed)");
  }
  refuse_idle_options(json, options.training.start);
  if (options.query.empty())
    reject("option \"query\" is wanted: {\"query\": \"SELECT title, body FROM notes\"}");
  return options;
}

// The query compiled. SQLite's own message would not say what of the INSERT it is about.
Statement compile(const ModelRequest& request, const std::string& query) {
  try {
    return {request.db, query};
  } catch (const Error& error) {
    throw Error(error.code(), std::string("option \"query\": ") + error.what());
  }
}

// One statement that only reads and needs nothing besides.
Statement compile_select(const ModelRequest& request, const std::string& query) {
  Statement select = compile(request, query);
  if (!select || sqlite3_stmt_readonly(select.get()) == 0 ||
      sqlite3_column_count(select.get()) == 0)
    reject("option \"query\": a SELECT is wanted, got " + query);
  const std::string_view rest =
      std::string_view(query).substr(std::string_view(sqlite3_sql(select.get())).size());
  if (compile(request, std::string(rest)))
    reject("option \"query\": one SELECT is wanted, got more after it:" + std::string(rest));
  if (sqlite3_bind_parameter_count(select.get()) > 0)
    reject("option \"query\": a SELECT without parameters is wanted, got " + query);
  return select;
}

std::string_view text_in(const Statement& row, int column) {
  if (row.is_null(column)) return {};
  if (sqlite3_column_type(row.get(), column) == SQLITE_BLOB)
    reject("option \"query\": text is wanted, got a BLOB in column " + std::to_string(column + 1));
  return row.text(column);
}

void add_rows(const ModelRequest& request, const std::string& query, model::OwnRows& rows) {
  Statement select = compile_select(request, query);
  std::vector<std::string_view> columns(static_cast<size_t>(sqlite3_column_count(select.get())));
  while (select.step()) {
    for (size_t i = 0; i < columns.size(); ++i) columns[i] = text_in(select, static_cast<int>(i));
    rows.add(columns);
  }
}

}  // namespace

model::ImportResult train_model(const ModelRequest& request, model::PackWriter& writer) {
  const TrainingOptions options = read_options(request);
  model::OwnRows rows(options.training);
  add_rows(request, options.query, rows);
  InterruptCheck stop_if_interrupted(request.db);
  std::optional<Progress> bar;
  const std::vector<uint8_t> table = rows.train([&](size_t done, size_t total) {
    if (total == 0) return stop_if_interrupted();
    if (!bar) bar.emplace(request.db, request.name + ": train", total);
    bar->advance_to(done);
  });
  writer.append(table);
  const model::TokenTable view(table);
  return {"trained", view.dim(), view.size()};
}

}  // namespace kindred::sql
