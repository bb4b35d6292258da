// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vec_each.h"

#include <string>

#include "sql/module.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {
namespace {

using math::Element;

enum Column { kValue, kVector };

class Elements : public sqlite3_vtab_cursor {
 public:
  void filter(int, const char*, Values arguments) {
    row_ = dim_ = 0;
    const auto v = vector_of(arguments[0], Where("vec_each", 0));
    if (!v) return;
    element_ = v->element();
    bytes_.assign(static_cast<const char*>(v->data()), v->bytes());
    dim_ = v->dim();
  }
  void next() { ++row_; }
  bool eof() const { return row_ == dim_; }
  int64_t rowid() const { return static_cast<int64_t>(row_); }

  void column(sqlite3_context* context, int column) const {
    if (column == kVector) return result_vector(context, element_, bytes_.data(), dim_);
    switch (element_) {
      case Element::kFloat32:
        return sqlite3_result_double(context, load<float>(bytes_.data(), row_));
      case Element::kInt8:
        return sqlite3_result_int(context, load<int8_t>(bytes_.data(), row_));
      case Element::kBit: {
        const auto* bits = reinterpret_cast<const uint8_t*>(bytes_.data());
        return sqlite3_result_int(context, load_bit(bits, row_) ? 1 : 0);
      }
    }
  }

 private:
  Element element_ = Element::kFloat32;
  std::string bytes_;  // a copy: the argument's own die with filter()
  size_t dim_ = 0;
  size_t row_ = 0;
};

class VecEach : public sqlite3_vtab {
 public:
  using Cursor = Elements;

  static std::unique_ptr<VecEach> connect(const Connection& connection) {
    declare_columns(connection.db, "CREATE TABLE vec_each(value, vector HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<VecEach>();
  }

  // The vector is the only constraint taken; without a usable one there is no plan.
  bool best_index(sqlite3_index_info& info) const {
    bool is_given = false;
    for (int i = 0; i < info.nConstraint; ++i) {
      const auto& constraint = info.aConstraint[i];
      if (constraint.iColumn != kVector || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
      is_given = true;
      if (constraint.usable == 0) continue;
      info.aConstraintUsage[i].argvIndex = 1;
      info.aConstraintUsage[i].omit = 1;
      info.estimatedRows = 384;
      info.estimatedCost = 384;
      return true;
    }
    if (!is_given) refuse_plan(info, "vec_each(): a vector is wanted: vec_each(v)");
    return !is_given;
  }
  std::unique_ptr<Elements> open() { return std::make_unique<Elements>(); }
};

}  // namespace

const sqlite3_module* vec_each_module() noexcept {
  static const sqlite3_module module = Module<VecEach>::table_function();
  return &module;
}

}  // namespace kindred::sql
