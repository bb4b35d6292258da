// SPDX-License-Identifier: Apache-2.0
#include "sql/models/most_similar_function.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/most_similar.h"
#include "sql/function_arguments.h"
#include "sql/models/models.h"
#include "sql/models/named_model.h"
#include "sql/models/nearest_tokens.h"
#include "sql/statement.h"
#include "sql/value.h"
#include "sql/vector_text.h"

namespace kindred::sql {
namespace {

using Json = nlohmann::json;

enum Column { kToken, kScore, kPositive, kNegative, kK, kModel };
enum Argument { kPositiveArgument, kNegativeArgument, kKArgument, kModelArgument };

constexpr Signature kSignature{"most_similar(positive [, negative [, k [, model]]])", kPositive, 4,
                               1};
constexpr int64_t kDefaultK = 10;

[[noreturn]] void reject(const std::string& reason) {
  throw Error(SQLITE_ERROR, "most_similar(): " + reason);
}

// Adds the words and vectors of one argument to a combination.
class ArgumentReader {
 public:
  ArgumentReader(const model::Embedder& model, model::Combination& combination, const char* name,
                 double weight)
      : model_(model), combination_(combination), name_(name), weight_(weight) {}

  // A vector (BLOB or JSON), a JSON array of words and vectors, or else a word: first of all one
  // that is spelt like an array, as "[UNK]" and "[1]" are; "[]" is none.
  void read(sqlite3_value* value) {
    if (sqlite3_value_type(value) == SQLITE_BLOB) return add_vector(value);
    const std::string_view text = text_of(value);
    const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    const bool is_token = text != "[]" && model_.table()->find(text).has_value();
    if (json.is_discarded() && text.starts_with('[') && !is_token)
      reject(std::string(name_) + ": malformed JSON, and no token of the model " +
             model_.identity().name + ": " + describe(value));
    if (is_token || !json.is_array()) return add_word(std::string(text));
    if (!json.empty() && is_vector_text(text)) return add_vector(value);
    for (const Json& element : json) add_element(element);
  }

 private:
  std::string where() const { return std::string("most_similar(): ") + name_; }

  void add_word(const std::string& word) {
    if (!combination_.add_word(word, weight_))
      reject("the model " + model_.identity().name + " has no token " +
             Json(word).dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void add_vector(sqlite3_value* value) {
    const std::optional<Vector> v = vector_of(value, where());
    if (v->element() != math::Element::kFloat32)
      reject(std::string(name_) + ": a float32 vector is wanted, got " +
             math::element_name(v->element()));
    std::vector<float> floats(v->dim());
    for (size_t i = 0; i < floats.size(); ++i) floats[i] = load<float>(v->data(), i);
    add_vector(floats);
  }

  void add_vector(const std::vector<float>& v) {
    const size_t dim = model_.table()->dim();
    if (v.size() != dim)
      reject(std::string(name_) + ": dimensions differ: " + std::to_string(dim) +
             " are wanted, got " + std::to_string(v.size()));
    combination_.add_vector(v, weight_);
  }

  void add_element(const Json& element) {
    if (element.is_string()) return add_word(element.get<std::string>());
    if (!element.is_array())
      reject(std::string(name_) + ": words and arrays of numbers are wanted, got " +
             (element.is_structured() ? element.type_name() : element.dump()));
    std::vector<float> v;
    for (const Json& number : element) {
      if (!number.is_number() || !std::isfinite(number.get<float>()))
        reject(std::string(name_) + ": finite numbers are wanted as a vector's elements, got " +
               (number.is_structured() ? number.type_name() : number.dump()));
      v.push_back(number.get<float>());
    }
    add_vector(v);
  }

  const model::Embedder& model_;
  model::Combination& combination_;
  const char* name_;
  double weight_;
};

class SimilarCursor : public sqlite3_vtab_cursor {
 public:
  explicit SimilarCursor(sqlite3* db) : db_(db) {}

  void filter(int plan, const char*, Values values) {
    arguments_ = FunctionArguments(plan, values);
    found_.clear();
    at_ = 0;
    if (arguments_.has_null()) return;
    k_ = read_k();
    model_ = named_model(db_, arguments_[kModelArgument], "most_similar()");
    table_ = &require_table(*model_, "most_similar()");
    model::Combination combination(*model_);
    ArgumentReader(*model_, combination, "positive", 1).read(arguments_[kPositiveArgument]);
    if (sqlite3_value* negative = arguments_[kNegativeArgument])
      ArgumentReader(*model_, combination, "negative", -1).read(negative);
    if (combination.empty()) reject("a word or a vector is wanted, got none");
    const std::vector<double> direction = combination.direction();
    if (direction.empty()) return;
    const std::shared_ptr<const OpenModel> open = find_open_model(db_, model_->identity().name);
    found_ = nearest_tokens(open.get(), *table_, direction, static_cast<size_t>(k_),
                            combination.excluded());
  }
  void next() { ++at_; }
  bool eof() const { return at_ >= found_.size(); }
  int64_t rowid() const { return static_cast<int64_t>(at_); }

  void column(sqlite3_context* context, int column) const {
    switch (column) {
      case kToken:
        return result_text(context, table_->token(found_[at_].id));
      case kScore:
        return sqlite3_result_double(context, found_[at_].score);
      case kK:
        return sqlite3_result_int64(context, k_);
      case kModel:
        return result_text(context, model_->identity().name);
      default:
        if (sqlite3_value* value = arguments_[column - kPositive])
          sqlite3_result_value(context, value);
    }
  }

 private:
  int64_t read_k() const {
    sqlite3_value* value = arguments_[kKArgument];
    if (value == nullptr) return kDefaultK;
    const std::optional<int64_t> k = whole_number(value);
    if (!k || *k < 0) reject("k: an integer of at least 0 is wanted, got " + describe(value));
    return *k;
  }

  sqlite3* db_;
  FunctionArguments arguments_;
  int64_t k_ = kDefaultK;
  std::shared_ptr<const model::Embedder> model_;
  const model::EmbeddingTable* table_ = nullptr;  // the model's
  std::vector<model::SimilarToken> found_;
  size_t at_ = 0;
};

class SimilarTable : public sqlite3_vtab {
 public:
  using Cursor = SimilarCursor;

  explicit SimilarTable(sqlite3* db) : db_(db) {}

  static std::unique_ptr<SimilarTable> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE most_similar(token TEXT, score REAL, positive HIDDEN, "
                    "negative HIDDEN, k HIDDEN, model HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<SimilarTable>(connection.db);
  }
  bool best_index(sqlite3_index_info& info) const {
    if (!plan_arguments(info, kSignature, {.rows = kDefaultK, .cost = 1e6})) return false;
    const bool by_score = info.nOrderBy == 1 && info.aOrderBy[0].iColumn == kScore;
    if (by_score && info.aOrderBy[0].desc != 0) info.orderByConsumed = 1;
    return true;
  }
  std::unique_ptr<SimilarCursor> open() { return std::make_unique<SimilarCursor>(db_); }

 private:
  sqlite3* db_;
};

}  // namespace

const sqlite3_module* most_similar_module() noexcept {
  static const sqlite3_module module = Module<SimilarTable>::table_function();
  return &module;
}

}  // namespace kindred::sql
