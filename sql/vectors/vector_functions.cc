// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vector_functions.h"

#include <cstring>

#include "sql/value.h"
#include "sql/vector_text.h"

namespace kindred::sql {
namespace {

using math::Element;

void result(const Call& call, const Vector& v) {
  result_vector(call.context, v.element(), v.data(), v.dim());
}

// A BLOB's bytes are taken as they are, whatever vector they were: stored vectors have no subtype.
void make_f32(const Call& call) {
  if (sqlite3_value_type(call[0]) == SQLITE_BLOB) {
    const Vector v = blob_vector(call[0], Element::kFloat32, call.argument(0));
    require_finite(v, call.argument(0));
    result(call, v);
  } else if (const auto v = vector_of(call[0], call.argument(0))) {
    result(call, *v);
  }
}

void make_int8(const Call& call) {
  switch (sqlite3_value_type(call[0])) {
    case SQLITE_NULL:
      return;
    case SQLITE_BLOB:
      return result(call, blob_vector(call[0], Element::kInt8, call.argument(0)));
    case SQLITE_TEXT: {
      const std::vector<int8_t> v = parse_int8_vector(text_of(call[0]), call.argument(0).str());
      return result_vector(call.context, Element::kInt8, v.data(), v.size());
    }
    default:
      call.reject("argument 1: expected a BLOB or a JSON array, got " + describe(call[0]));
  }
}

void make_bit(const Call& call) {
  if (is_null(call[0])) return;
  if (sqlite3_value_type(call[0]) != SQLITE_BLOB)
    call.reject("argument 1: expected a BLOB, got " + describe(call[0]));
  result(call, blob_vector(call[0], Element::kBit, call.argument(0)));
}

void type(const Call& call) {
  if (const auto v = vector_of(call[0], call.argument(0)))
    result_text(call.context, math::element_name(v->element()));
}

void length(const Call& call) {
  if (const auto v = vector_of(call[0], call.argument(0)))
    sqlite3_result_int64(call.context, static_cast<sqlite3_int64>(v->dim()));
}

std::string json_of(const Vector& v) {
  switch (v.element()) {
    case Element::kInt8:
      return format_vector(std::span(v.int8s(), v.dim()));
    case Element::kBit: {
      std::vector<int8_t> bits(v.dim());
      for (size_t i = 0; i < bits.size(); ++i) bits[i] = load_bit(v.bits(), i) ? 1 : 0;
      return format_vector(std::span<const int8_t>(bits));
    }
    case Element::kFloat32:
      break;
  }
  std::vector<float> aligned(v.dim());
  std::memcpy(aligned.data(), v.data(), v.bytes());
  return format_vector(std::span<const float>(aligned));
}

void to_json(const Call& call) {
  const auto v = vector_of(call[0], call.argument(0));
  if (!v) return;
  result_text(call.context, json_of(*v));
  sqlite3_result_subtype(call.context, kSubtypeJson);
}

constexpr int kReads = kPure | SQLITE_SUBTYPE;
constexpr int kMakes = kPure | kResultSubtype;

constexpr Function kFunctions[] = {
    {"vec_f32", 1, kMakes, scalar<make_f32>},
    {"vec_int8", 1, kMakes, scalar<make_int8>},
    {"vec_bit", 1, kMakes, scalar<make_bit>},
    {"vec_type", 1, kReads, scalar<type>},
    {"vec_length", 1, kReads, scalar<length>},
    {"vec_to_json", 1, kReads | kResultSubtype, scalar<to_json>},
};

}  // namespace

std::span<const Function> vector_functions() noexcept {
  return kFunctions;
}

}  // namespace kindred::sql
