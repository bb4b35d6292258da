// Borrowed views of sqlite3_value and typed result setters. A view dies with the callback that got
// the value: copy what you keep.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "math/metric.h"
#include "sql/sqlite.h"
#include "sql/where.h"

namespace kindred::sql {

// Subtypes that tell vectors' element types apart, those of sqlite-vec. They do not survive
// storage.
inline constexpr unsigned kSubtypeFloat32 = 223;
inline constexpr unsigned kSubtypeBit = 224;
inline constexpr unsigned kSubtypeInt8 = 225;
// That of SQLite's own JSON functions: json_object() and others nest such text, not quote it.
inline constexpr unsigned kSubtypeJson = 'J';

// A vector read from an SQL value: borrowed bytes of a BLOB, or owned numbers parsed from JSON
// text. Finite and 1..65,536 elements long.
class Vector {
 public:
  Vector(math::Element element, const void* data, size_t dim)
      : element_(element), data_(data), dim_(dim) {}
  explicit Vector(std::vector<float> owned)
      : element_(math::Element::kFloat32), dim_(owned.size()), owned_(std::move(owned)) {}
  explicit Vector(std::vector<int8_t> owned)
      : element_(math::Element::kInt8), dim_(owned.size()), owned_int8s_(std::move(owned)) {}

  math::Element element() const noexcept { return element_; }
  size_t dim() const noexcept { return dim_; }
  size_t bytes() const noexcept { return math::vector_bytes(element_, dim_); }
  const void* data() const noexcept {
    if (!owned_.empty()) return owned_.data();
    return owned_int8s_.empty() ? data_ : owned_int8s_.data();
  }
  // REQUIRES: the element type named. Possibly misaligned when borrowed.
  const float* floats() const noexcept { return static_cast<const float*>(data()); }
  const int8_t* int8s() const noexcept { return static_cast<const int8_t*>(data()); }
  const uint8_t* bits() const noexcept { return static_cast<const uint8_t*>(data()); }

 private:
  math::Element element_;
  const void* data_ = nullptr;
  size_t dim_;
  std::vector<float> owned_;
  std::vector<int8_t> owned_int8s_;
};

// Element i of packed elements that may be misaligned, as those of a BLOB are.
template <class T>
T load(const void* data, size_t i) noexcept {
  T x;
  std::memcpy(&x, static_cast<const char*>(data) + i * sizeof x, sizeof x);
  return x;
}

// Bit i of a bit vector: the lowest bit of a byte comes first.
inline bool load_bit(const uint8_t* bits, size_t i) noexcept {
  return (bits[i / 8] >> i % 8 & 1) != 0;
}

struct FreeValue {
  void operator()(sqlite3_value* value) const noexcept { sqlite3_value_free(value); }
};
// A copy that outlives the callback. Throws std::bad_alloc.
using KeptValue = std::unique_ptr<sqlite3_value, FreeValue>;
KeptValue keep(sqlite3_value* value);

bool is_null(sqlite3_value* value) noexcept;
// The bytes of a value as SQLite converts it to TEXT or BLOB; empty for NULL. Throws
// std::bad_alloc.
std::string_view text_of(sqlite3_value* value);
std::string_view blob_of(sqlite3_value* value);

// A number, or text that is one. Throws std::invalid_argument for everything else, for infinity,
// and integer_of() for a fraction.
double number_of(sqlite3_value* value, const Where& where);
int64_t integer_of(sqlite3_value* value, const Where& where);
// The integer that SQLite would store for the value in an INTEGER PRIMARY KEY: 5, 5.0 (as which
// some hosts bind all numbers), '5'. nullopt for everything else.
std::optional<int64_t> whole_number(sqlite3_value* value) noexcept;

// The element type a BLOB's subtype stands for; float32 for a BLOB that has none of the three.
math::Element element_of(sqlite3_value* value) noexcept;

// Reads a vector: a BLOB (float32 unless its subtype says int8 or bit) or a JSON array of numbers
// (always float32). `where` opens the message, e.g. "vec_add(): argument 2". nullopt for NULL.
// Throws std::invalid_argument for everything SQL.md section 1 rejects. With check_finite false a
// BLOB's floats are not looked at: for callers that check the result instead.
std::optional<Vector> vector_of(sqlite3_value* value, const Where& where, bool check_finite = true);

// The same for a BLOB whose element type is known, whatever its subtype says: columns read back
// from storage, and the constructors vec_f32(), vec_int8() and vec_bit().
// REQUIRES: sqlite3_value_type(value) == SQLITE_BLOB.
Vector blob_vector(sqlite3_value* value, math::Element element, const Where& where);

// Throws std::invalid_argument, naming the first NaN or infinite element, counted from 0, if there
// is one.
void require_finite(const Vector& vector, const Where& where);

// "a BLOB of 7 bytes", "TEXT 'abc'" (shortened), "INTEGER 5": what came, for messages.
std::string describe(sqlite3_value* value);

// Sets a BLOB with the element type's subtype as the result; copies. Functions that call it are
// registered with kResultSubtype.
void result_vector(sqlite3_context* context, math::Element element, const void* data, size_t dim);
void result_text(sqlite3_context* context, std::string_view text);

}  // namespace kindred::sql
