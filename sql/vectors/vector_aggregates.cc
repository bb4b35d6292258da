// SPDX-License-Identifier: Apache-2.0
#include "sql/vectors/vector_aggregates.h"

#include <cmath>
#include <memory>
#include <new>
#include <utility>

#include "sql/value.h"
#include "sql/vectors/vector_arithmetic.h"
#include "sql/vectors/vector_pair.h"

namespace kindred::sql {
namespace {

using math::Element;

// A sum that keeps what rounding loses (Neumaier 1974), so that a window's large vector leaves
// nothing behind when it moves out of the frame.
class Sum {
 public:
  void add(double x) {
    const double total = sum_ + x;
    lost_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - total) + x : (x - total) + sum_;
    sum_ = total;
  }
  double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// The vectors seen so far: of one element type and dimension, `count` >= 0 of them.
struct Sums {
  Element element;
  std::vector<Sum> elements;
  int64_t count = 0;
};

double element_at(const Vector& v, size_t i) {
  return v.element() == Element::kInt8 ? v.int8s()[i] : load<float>(v.data(), i);
}

// The aggregate's place for its state; a null pointer until the first vector.
Sums*& state_of(const Call& call) {
  void* place = sqlite3_aggregate_context(call.context, sizeof(Sums*));
  if (place == nullptr) throw std::bad_alloc();
  return *static_cast<Sums**>(place);
}

void add(Sums& sums, const Vector& v, int sign) {
  for (size_t i = 0; i < v.dim(); ++i) sums.elements[i].add(sign * element_at(v, i));
  sums.count += sign;
}

void step(const Call& call) {
  const auto v = vector_of(call[0], call.argument(0));
  if (!v) return;
  if (v->element() == Element::kBit) reject_element(call, "float32 or int8", Element::kBit);
  Sums*& sums = state_of(call);
  if (sums == nullptr)
    sums = std::make_unique<Sums>(Sums{v->element(), std::vector<Sum>(v->dim())}).release();
  require_same_element(call, sums->element, v->element());
  require_same_dim(call, sums->elements.size(), v->dim());
  add(*sums, *v, +1);
}

// Takes back a row that step() has accepted.
void inverse(const Call& call) {
  const auto v = vector_of(call[0], call.argument(0));
  if (!v) return;
  Sums*& sums = state_of(call);
  add(*sums, *v, -1);
  if (sums->count == 0) delete std::exchange(sums, nullptr);  // the next frame may differ in shape
}

template <bool is_mean>
void value(const Call& call) {
  const Sums* sums = state_of(call);
  if (sums == nullptr) return;
  const double divisor = is_mean ? static_cast<double>(sums->count) : 1;
  std::vector<float> out(sums->elements.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = narrow(call, sums->elements[i].value() / divisor, i);
  result_vector(call.context, Element::kFloat32, out.data(), out.size());
}

// Called once for every aggregate that was stepped, also when a step failed.
template <bool is_mean>
void final(const Call& call) {
  const std::unique_ptr<Sums> owned(state_of(call));
  value<is_mean>(call);
}

template <bool is_mean>
constexpr Function aggregate(const char* name) {
  Function f{name, 1, kPure | SQLITE_SUBTYPE | kResultSubtype};
  f.step = scalar<step>;
  f.inverse = scalar<inverse>;
  f.value = finish<value<is_mean>>;
  f.final = finish<final<is_mean>>;
  return f;
}

constexpr Function kFunctions[] = {aggregate<false>("vec_sum"), aggregate<true>("vec_mean")};

}  // namespace

std::span<const Function> vector_aggregates() noexcept {
  return kFunctions;
}

}  // namespace kindred::sql
