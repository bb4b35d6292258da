// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vector_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sql/vectors/vector_pair.h"

namespace kindred::sql {
namespace {

using math::Element;

// A float32 vector; nullopt for NULL. Throws for int8 and bit vectors.
std::optional<Vector> floats_of(const Call& call, size_t i) {
  std::optional<Vector> v = vector_of(call[i], call.argument(i));
  if (v && v->element() != Element::kFloat32) reject_element(call, "float32", v->element());
  return v;
}

// The float32 vector of the values that `element` gives for each index.
template <class ElementOf>
void result_floats(const Call& call, size_t dim, ElementOf element) {
  std::vector<float> out(dim);
  for (size_t i = 0; i < dim; ++i) out[i] = narrow(call, element(i), i);
  result_vector(call.context, Element::kFloat32, out.data(), dim);
}

template <class Operator, class T>
auto combined(const VectorPair& pair, size_t i) {
  return Operator()(load<T>(pair.a.data(), i), load<T>(pair.b.data(), i));
}

// Element-wise. float32 overflow is an error; int8 wraps around as in sqlite-vec.
template <class Operator>
void combine(const Call& call) {
  const std::optional<VectorPair> pair = pair_of(call);
  if (!pair) return;
  switch (pair->element()) {
    case Element::kFloat32:
      return result_floats(call, pair->dim(),
                           [&](size_t i) { return combined<Operator, float>(*pair, i); });
    case Element::kInt8: {
      std::vector<int8_t> out(pair->dim());
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<int8_t>(combined<Operator, int8_t>(*pair, i));
      return result_vector(call.context, Element::kInt8, out.data(), out.size());
    }
    case Element::kBit:
      reject_element(call, "float32 or int8", Element::kBit);
  }
}

void scale(const Call& call) {
  if (is_null(call[0]) || is_null(call[1])) return;
  const std::optional<Vector> v = floats_of(call, 0);
  const double factor = number_of(call[1], call.argument(1));
  result_floats(call, v->dim(), [&](size_t i) { return load<float>(v->data(), i) * factor; });
}

// NULL for a zero vector, which has no direction (sqlite-vec makes NaN of it). The norm is summed
// in double, so that neither large nor tiny vectors lose theirs.
void normalize(const Call& call) {
  const std::optional<Vector> v = floats_of(call, 0);
  if (!v) return;
  double squared = 0;
  for (size_t i = 0; i < v->dim(); ++i) {
    const double x = load<float>(v->data(), i);
    squared += x * x;
  }
  if (squared == 0) return;
  const double norm = std::sqrt(squared);
  result_floats(call, v->dim(), [&](size_t i) { return load<float>(v->data(), i) / norm; });
}

// Throws unless 0 <= start < end <= dim and, for bits, both fall on whole bytes.
void require_range(const Call& call, const Vector& v, int64_t start, int64_t end) {
  const auto range = [&] { return std::to_string(start) + " to " + std::to_string(end); };
  if (start < 0 || end > static_cast<int64_t>(v.dim()))
    call.reject("elements " + range() + " are outside the vector's 0 to " +
                std::to_string(v.dim()));
  if (start >= end) call.reject("elements " + range() + " are none: start below end is wanted");
  if (v.element() == Element::kBit && (start % 8 != 0 || end % 8 != 0))
    call.reject("bits " + range() + " are no whole bytes: multiples of 8 are wanted");
}

void slice(const Call& call) {
  if (is_null(call[0]) || is_null(call[1]) || is_null(call[2])) return;
  const std::optional<Vector> v = vector_of(call[0], call.argument(0));
  const int64_t start = integer_of(call[1], call.argument(1));
  const int64_t end = integer_of(call[2], call.argument(2));
  require_range(call, *v, start, end);
  const size_t offset = math::vector_bytes(v->element(), static_cast<size_t>(start));
  result_vector(call.context, v->element(), static_cast<const char*>(v->data()) + offset,
                static_cast<size_t>(end - start));
}

void concat(const Call& call) {
  if (call.size() < 2)
    call.reject("two vectors or more are wanted, got " + std::to_string(call.size()));
  if (std::any_of(call.arguments.begin(), call.arguments.end(), is_null)) return;
  std::string bytes;
  size_t dim = 0;
  std::optional<Element> element;
  for (size_t i = 0; i < call.size(); ++i) {
    const std::optional<Vector> v = vector_of(call[i], call.argument(i));
    require_same_element(call, element.value_or(v->element()), v->element());
    element = v->element();
    bytes.append(static_cast<const char*>(v->data()), v->bytes());
    dim += v->dim();
  }
  if (dim > math::kMaxDimensions)
    call.reject("the result would have " + std::to_string(dim) + " elements, at most " +
                std::to_string(math::kMaxDimensions) + " are allowed");
  result_vector(call.context, *element, bytes.data(), dim);
}

// [-1, 1] onto -128..127 in 255 steps, truncated and clamped: sqlite-vec's arithmetic to the bit,
// its float32 step included.
int8_t unit_code(float x) {
  constexpr auto kStep = static_cast<float>(2.0 / 255);
  return static_cast<int8_t>(std::clamp((x + 1.0) / kStep - 128, -128.0, 127.0));
}

void quantize_int8(const Call& call) {
  if (is_null(call[0]) || is_null(call[1])) return;
  const std::optional<Vector> v = floats_of(call, 0);
  if (sqlite3_value_type(call[1]) != SQLITE_TEXT ||
      sqlite3_stricmp(text_of(call[1]).data(), "unit") != 0)
    call.reject("argument 2: expected 'unit', got " + describe(call[1]));
  std::vector<int8_t> codes(v->dim());
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = unit_code(load<float>(v->data(), i));
  result_vector(call.context, Element::kInt8, codes.data(), codes.size());
}

// A bit for each element above 0.
template <class T>
void result_signs(const Call& call, const Vector& v) {
  if (v.dim() % 8 != 0)
    call.reject("a dimension divisible by 8 is wanted, got " + std::to_string(v.dim()));
  std::vector<uint8_t> bits(v.dim() / 8);
  for (size_t i = 0; i < v.dim(); ++i)
    bits[i / 8] |= static_cast<uint8_t>((load<T>(v.data(), i) > 0 ? 1 : 0) << i % 8);
  result_vector(call.context, Element::kBit, bits.data(), v.dim());
}

void quantize_binary(const Call& call) {
  const std::optional<Vector> v = vector_of(call[0], call.argument(0));
  if (!v) return;
  switch (v->element()) {
    case Element::kFloat32:
      return result_signs<float>(call, *v);
    case Element::kInt8:
      return result_signs<int8_t>(call, *v);
    case Element::kBit:
      reject_element(call, "float32 or int8", Element::kBit);
  }
}

constexpr int kFlags = kPure | SQLITE_SUBTYPE | kResultSubtype;

constexpr Function kFunctions[] = {
    {"vec_add", 2, kFlags, scalar<combine<std::plus<>>>},
    {"vec_sub", 2, kFlags, scalar<combine<std::minus<>>>},
    {"vec_scale", 2, kFlags, scalar<scale>},
    {"vec_normalize", 1, kFlags, scalar<normalize>},
    {"vec_slice", 3, kFlags, scalar<slice>},
    {"vec_concat", -1, kFlags, scalar<concat>},
    {"vec_quantize_int8", 2, kFlags, scalar<quantize_int8>},
    {"vec_quantize_binary", 1, kFlags, scalar<quantize_binary>},
};

}  // namespace

std::span<const Function> vector_arithmetic() noexcept {
  return kFunctions;
}

float narrow(const Call& call, double x, size_t i) {
  if (!(std::fabs(x) <= std::numeric_limits<float>::max()))
    call.reject("element " + std::to_string(i) + " of the result overflows float32");
  return static_cast<float>(x);
}

}  // namespace kindred::sql
