// SPDX-License-Identifier: Apache-2.0
#include "sql/value.h"

#include <cmath>
#include <new>
#include <stdexcept>

#include "math/kernels.h"
#include "sql/vector_text.h"

namespace kindred::sql {
namespace {

using math::Element;

// Longer TEXT is cut in messages.
constexpr size_t kShownText = 40;

unsigned subtype_of(Element element) {
  switch (element) {
    case Element::kInt8:
      return kSubtypeInt8;
    case Element::kBit:
      return kSubtypeBit;
    case Element::kFloat32:
      break;
  }
  return kSubtypeFloat32;
}

size_t dim_of(Element element, size_t bytes) {
  switch (element) {
    case Element::kInt8:
      return bytes;
    case Element::kBit:
      return bytes * 8;
    case Element::kFloat32:
      break;
  }
  return bytes / sizeof(float);
}

[[noreturn]] void reject(const Where& where, const std::string& reason) {
  throw std::invalid_argument(where + (": " + reason));
}

// SQLite answers with a null pointer both for an empty value and when memory ran out.
std::string_view view(const void* data, int bytes) {
  if (data == nullptr && bytes > 0) throw std::bad_alloc();
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), bytes);
}

std::string shortened(std::string_view text) {
  if (text.size() <= kShownText) return std::string(text);
  size_t end = kShownText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

KeptValue keep(sqlite3_value* value) {
  KeptValue kept(sqlite3_value_dup(value));
  if (!kept) throw std::bad_alloc();
  return kept;
}

bool is_null(sqlite3_value* value) noexcept {
  return sqlite3_value_type(value) == SQLITE_NULL;
}

std::string_view text_of(sqlite3_value* value) {
  const void* data = sqlite3_value_text(value);  // first: the conversion changes the size
  if (data == nullptr && !is_null(value)) throw std::bad_alloc();
  return view(data, sqlite3_value_bytes(value));
}

std::string_view blob_of(sqlite3_value* value) {
  const void* data = sqlite3_value_blob(value);
  return view(data, sqlite3_value_bytes(value));
}

double number_of(sqlite3_value* value, const Where& where) {
  const int type = sqlite3_value_numeric_type(value);
  const double x = sqlite3_value_double(value);
  if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !std::isfinite(x))
    reject(where, "expected a finite number, got " + describe(value));
  return x;
}

int64_t integer_of(sqlite3_value* value, const Where& where) {
  const std::optional<int64_t> whole = whole_number(value);
  if (!whole) reject(where, "expected an integer, got " + describe(value));
  return *whole;
}

std::optional<int64_t> whole_number(sqlite3_value* value) noexcept {
  const int type = sqlite3_value_numeric_type(value);
  if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return std::nullopt;
  const int64_t whole = sqlite3_value_int64(value);
  if (type == SQLITE_INTEGER) return whole;
  // SQLite gives the nearest integer for a number beyond 64 bits, and makes none of the last two.
  const double x = sqlite3_value_double(value);
  const bool same = std::fabs(x) < 0x1p63 && static_cast<double>(whole) == x;
  return same ? std::optional(whole) : std::nullopt;
}

Element element_of(sqlite3_value* value) noexcept {
  switch (sqlite3_value_subtype(value)) {
    case kSubtypeInt8:
      return Element::kInt8;
    case kSubtypeBit:
      return Element::kBit;
    default:
      return Element::kFloat32;
  }
}

Vector blob_vector(sqlite3_value* value, Element element, const Where& where) {
  const std::string_view blob = blob_of(value);
  if (blob.empty()) reject(where, "a vector has at least one element, got an empty BLOB");
  const size_t dim = dim_of(element, blob.size());
  if (math::vector_bytes(element, dim) != blob.size())
    reject(where, describe(value) + " is no float32 vector: a length divisible by 4 is wanted");
  if (dim > math::kMaxDimensions)
    reject(where, "a vector has at most " + std::to_string(math::kMaxDimensions) +
                      " elements, got " + std::to_string(dim));
  return {element, blob.data(), dim};
}

std::optional<Vector> vector_of(sqlite3_value* value, const Where& where, bool check_finite) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
      return std::nullopt;
    case SQLITE_BLOB: {
      std::optional<Vector> v = blob_vector(value, element_of(value), where);
      if (check_finite) require_finite(*v, where);
      return v;
    }
    case SQLITE_TEXT:
      return Vector(parse_vector(text_of(value), where.str()));
    default:
      reject(where, "expected a vector (BLOB or JSON array), got " + describe(value));
  }
}

void require_finite(const Vector& vector, const Where& where) {
  if (vector.element() != Element::kFloat32) return;
  if (std::isfinite(math::active().max_abs(vector.floats(), vector.dim()))) return;
  for (size_t i = 0; i < vector.dim(); ++i) {
    const auto x = load<float>(vector.data(), i);
    if (!std::isfinite(x))
      reject(where, "element " + std::to_string(i) + " is " +
                        (std::isnan(x) ? "NaN"
                         : x > 0       ? "infinity"
                                       : "-infinity") +
                        ": finite numbers are wanted");
  }
}

std::string describe(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
      return "NULL";
    case SQLITE_BLOB:
      return "a BLOB of " + std::to_string(blob_of(value).size()) + " bytes";
    case SQLITE_TEXT:
      return "TEXT '" + shortened(text_of(value)) + "'";
    case SQLITE_INTEGER:
      return "INTEGER " + std::string(text_of(value));
    default:
      return "REAL " + std::string(text_of(value));
  }
}

void result_vector(sqlite3_context* context, Element element, const void* data, size_t dim) {
  sqlite3_result_blob64(context, data, math::vector_bytes(element, dim), SQLITE_TRANSIENT);
  sqlite3_result_subtype(context, subtype_of(element));
}

void result_text(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}

}  // namespace kindred::sql
