// SPDX-License-Identifier: Apache-2.0
#include "sql/models/embed_function.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/embedder.h"
#include "model/ordered_embedding.h"
#include "sql/models/models.h"
#include "sql/value.h"

namespace kindred::sql {
namespace {

using Json = nlohmann::json;
using model::Embedder;

enum Argument { kText, kModel, kOptions };

struct EmbedOptions {
  size_t dimensions = 0;  // 0: all that the model has
  bool in_order = false;  // positions count
};

std::string_view require_text(const Call& call, Argument i) {
  if (sqlite3_value_type(call[i]) == SQLITE_BLOB)
    throw std::invalid_argument(call.argument(i) + ": text is wanted, got " + describe(call[i]));
  return text_of(call[i]);
}

// The value, or only its type if it could be deeper than the stack that prints it.
std::string shown(const Json& json) {
  return json.is_structured() ? json.type_name() : json.dump();
}

[[noreturn]] void reject_option(const Call& call, const std::string& key, const std::string& wanted,
                                const Json& got) {
  call.reject("option \"" + key + "\": " + wanted + " is wanted, got " + shown(got));
}

size_t read_dimensions(const Call& call, const Json& value, size_t dim) {
  const bool fits = value.is_number_integer() && value.get<int64_t>() >= 1 &&
                    value.get<int64_t>() <= static_cast<int64_t>(dim);
  if (!fits) reject_option(call, "dimensions", "1.." + std::to_string(dim), value);
  return value.get<size_t>();
}

bool read_positions(const Call& call, const Json& value, const Embedder& model) {
  if (value != "sinusoidal") reject_option(call, "positions", "\"sinusoidal\"", value);
  if (model.table() == nullptr || model.table()->dim() != model.identity().dim)
    call.reject("option \"positions\": the model " + model.identity().name +
                " has no embedding table of its own width");
  return true;
}

EmbedOptions read_options(const Call& call, const Embedder& model) {
  const std::string_view text = require_text(call, kOptions);
  std::set<std::string> keys;  // of the object itself
  std::optional<std::string> twice;
  const auto note_key = [&](int depth, Json::parse_event_t event, Json& key) {
    if (depth != 1 || event != Json::parse_event_t::key) return true;
    const auto& name = key.get_ref<const std::string&>();
    if (!keys.insert(name).second) twice = name;
    return true;
  };
  const Json json = Json::parse(text, note_key, /*allow_exceptions=*/false);
  if (json.is_discarded()) call.reject("options: malformed JSON: " + describe(call[kOptions]));
  if (!json.is_object()) call.reject("options: a JSON object is wanted, got " + shown(json));
  if (twice) call.reject("option \"" + *twice + "\" is given twice");
  EmbedOptions options;
  for (const auto& [key, value] : json.items()) {
    if (key == "dimensions")
      options.dimensions = read_dimensions(call, value, model.identity().dim);
    else if (key == "positions")
      options.in_order = read_positions(call, value, model);
    else if (key != "task")
      call.reject("no such option: \"" + key + "\" (known: dimensions, positions, task)");
    else if (value != "query" && value != "document")
      reject_option(call, key, "\"query\" or \"document\"", value);
    // Models that tell questions from documents come later; these treat both alike.
  }
  return options;
}

// SQLite keeps auxiliary data as long as its argument is the same in each row.
SharedEmbedder model_of(const Call& call) {
  if (const void* kept = sqlite3_get_auxdata(call.context, kModel))
    return *static_cast<const SharedEmbedder*>(kept);
  SharedEmbedder model = require_model(sqlite3_context_db_handle(call.context),
                                       require_text(call, kModel), std::string(call.name) + "()");
  sqlite3_set_auxdata(call.context, kModel, new SharedEmbedder(model),
                      [](void* kept) { delete static_cast<SharedEmbedder*>(kept); });
  return model;
}

void embed(const Call& call) {
  if (std::any_of(call.arguments.begin(), call.arguments.end(), is_null)) return;
  const SharedEmbedder named = call.size() > kModel ? model_of(call) : nullptr;
  const Embedder& model = named ? *named : *Embedder::find("default");
  const EmbedOptions options = call.size() > kOptions ? read_options(call, model) : EmbedOptions{};
  const size_t dim = options.dimensions != 0 ? options.dimensions : model.identity().dim;
  std::vector<float> vector(dim);
  const std::string_view text = require_text(call, kText);
  const bool has_content =
      options.in_order ? model::embed_in_order(model, text, vector) : model.embed(text, vector);
  if (has_content) result_vector(call.context, math::Element::kFloat32, vector.data(), dim);
}

// The flags belong to a registration, not a model. What a named model does is not known here, so
// only the form that uses the built-in one is pure.
constexpr Function kFunctions[] = {
    {"embed", 1, kPure | kResultSubtype, scalar<embed>},
    {"embed", 2, kResultSubtype, scalar<embed>},
    {"embed", 3, kResultSubtype, scalar<embed>},
};

}  // namespace

std::span<const Function> embed_functions() noexcept {
  return kFunctions;
}

}  // namespace kindred::sql
