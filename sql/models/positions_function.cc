// SPDX-License-Identifier: Apache-2.0
#include "sql/models/positions_function.h"

#include <cmath>
#include <string>
#include <vector>

#include "model/positions.h"
#include "sql/function_arguments.h"
#include "sql/statement.h"
#include "sql/value.h"
#include "sql/vectors/vector_pair.h"

namespace kindred::sql {
namespace {

enum Column { kPosition, kEmbedding, kN, kDimensions, kKind };
enum Argument { kNArgument, kDimensionsArgument, kKindArgument };

constexpr Signature kSignature{"positions(n, dimensions [, kind])", kN, 3, 2};
constexpr const char* kSinusoidal = "sinusoidal";

int64_t require_whole(sqlite3_value* value, const char* name, int64_t least, int64_t most) {
  const std::optional<int64_t> number = whole_number(value);
  if (number && *number >= least && *number <= most) return *number;
  const std::string wanted = most == INT64_MAX
                                 ? "an integer of at least " + std::to_string(least)
                                 : std::to_string(least) + ".." + std::to_string(most);
  throw Error(SQLITE_ERROR, std::string("positions(): ") + name + ": " + wanted +
                                " is wanted, got " + describe(value));
}

void require_kind(sqlite3_value* kind) {
  if (kind == nullptr || (sqlite3_value_type(kind) == SQLITE_TEXT && text_of(kind) == kSinusoidal))
    return;
  throw Error(SQLITE_ERROR, "positions(): kind: 'sinusoidal' is wanted, got " + describe(kind));
}

class PositionsCursor : public sqlite3_vtab_cursor {
 public:
  void filter(int plan, const char*, Values values) {
    const FunctionArguments arguments(plan, values);
    position_ = n_ = 0;
    if (arguments.has_null()) return;
    n_ = require_whole(arguments[kNArgument], "n", 0, INT64_MAX);
    dim_ = require_whole(arguments[kDimensionsArgument], "dimensions", 1,
                         static_cast<int64_t>(math::kMaxDimensions));
    require_kind(arguments[kKindArgument]);
  }
  void next() { ++position_; }
  bool eof() const { return position_ >= n_; }
  int64_t rowid() const { return position_; }

  void column(sqlite3_context* context, int column) const {
    switch (column) {
      case kPosition:
        return sqlite3_result_int64(context, position_);
      case kEmbedding: {
        std::vector<float> encoding(static_cast<size_t>(dim_));
        model::sinusoidal_position(static_cast<uint64_t>(position_), encoding);
        return result_vector(context, math::Element::kFloat32, encoding.data(), encoding.size());
      }
      case kN:
        return sqlite3_result_int64(context, n_);
      case kDimensions:
        return sqlite3_result_int64(context, dim_);
      default:
        return result_text(context, kSinusoidal);
    }
  }

 private:
  int64_t position_ = 0, n_ = 0, dim_ = 0;
};

class PositionsTable : public sqlite3_vtab {
 public:
  using Cursor = PositionsCursor;

  static std::unique_ptr<PositionsTable> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE positions(position INTEGER, embedding BLOB, "
                    "n HIDDEN, dimensions HIDDEN, kind HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<PositionsTable>();
  }
  bool best_index(sqlite3_index_info& info) const {
    return plan_arguments(info, kSignature, {.rows = 100, .cost = 100});
  }
  std::unique_ptr<PositionsCursor> open() { return std::make_unique<PositionsCursor>(); }
};

void rope(const Call& call) {
  if (is_null(call[0]) || is_null(call[1])) return;
  const std::optional<Vector> v = vector_of(call[0], call.argument(0));
  if (v->element() != math::Element::kFloat32) reject_element(call, "float32", v->element());
  const double position = number_of(call[1], call.argument(1));
  if (v->dim() % 2 != 0)
    call.reject("argument 1: an even number of dimensions is wanted, got " +
                std::to_string(v->dim()));
  std::vector<float> turned(v->dim());
  for (size_t i = 0; i < turned.size(); ++i) turned[i] = load<float>(v->data(), i);
  model::rotate_to_position(position, turned);
  for (size_t i = 0; i < turned.size(); ++i)
    if (!std::isfinite(turned[i]))
      call.reject("element " + std::to_string(i) + " is beyond the range of float32");
  result_vector(call.context, math::Element::kFloat32, turned.data(), turned.size());
}

constexpr Function kFunctions[] = {
    {"vec_rope", 2, kPure | kResultSubtype, scalar<rope>},
};

}  // namespace

std::span<const Function> position_functions() noexcept {
  return kFunctions;
}

const sqlite3_module* positions_module() noexcept {
  static const sqlite3_module module = Module<PositionsTable>::table_function();
  return &module;
}

}  // namespace kindred::sql
