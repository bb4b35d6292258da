// Kernels at 384 dimensions: against hnswlib's on hnswlib's layout, and scans from memory against
// the memory's own bandwidth. Figures are medians of rounds that interleave the variants, in CPU
// time of this thread, so that ratios hold on a busy machine.
// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bench/rivals.h"
#include "math/aligned.h"
#include "math/kernels.h"

namespace kindred::bench {
namespace {

constexpr size_t kDim = 384;
constexpr size_t kRowsInL1 = 16;   // 24 KiB
constexpr size_t kRowsInL2 = 192;  // 288 KiB
constexpr size_t kRowsInMemory = 100000;
constexpr size_t kDistances = 96000;  // in a round, from cache
constexpr int kRounds = 41;

volatile uint64_t sink;  // what is read must be needed

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Variant {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};

  double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
  // What others on the machine can only add to.
  double fastest() const { return *std::min_element(seconds.begin(), seconds.end()); }
};

void interleave(std::vector<Variant>& variants) {
  for (Variant& v : variants) v.run();
  for (int round = 0; round < kRounds; ++round)
    for (Variant& v : variants) {
      const double start = thread_seconds();
      v.run();
      v.seconds.push_back(thread_seconds() - start);
    }
}

void report(const char* what, double value, double target, const char* unit) {
  std::printf("%-58s %7.2f%s  target %.2f  %s\n", what, value, unit, target,
              value >= target ? "met" : "MISSED");
}

// Rows of random floats, `stride` bytes apart, the first at `offset`.
math::AlignedBytes make_rows(size_t count, size_t stride, size_t offset) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  math::AlignedBytes block = math::make_aligned(count * stride + offset);
  for (size_t r = 0; r < count; ++r) {
    float row[kDim];
    for (float& x : row) x = uniform(random);
    std::memcpy(block.get() + offset + r * stride, row, sizeof(row));
  }
  return block;
}

// As encode_i8 makes them: never -128.
math::AlignedBytes make_codes(size_t count) {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> uniform(-127, 127);
  math::AlignedBytes block = math::make_aligned(count * kDim);
  for (size_t i = 0; i < count * kDim; ++i) block[i] = static_cast<std::byte>(uniform(random));
  return block;
}

// hnswlib's element at M = 16: 32 links and their count, the vector, the label.
constexpr size_t kHnswlibOffset = 32 * 4 + 4;
constexpr size_t kHnswlibStride = kHnswlibOffset + kDim * sizeof(float) + 8;

// Where a loop's pointers live (registers or memory) shows at 6 ns a call, so each loop has its own
// function. Results are stored, not added up.

void run_hnswlib(const float* query, const std::byte* rows, size_t count, float* out) {
  const HnswlibDistance distance = hnswlib_inner_product(kDim);
  for (size_t pass = 0; pass < kDistances / count; ++pass)
    for (size_t r = 0; r < count; ++r) out[r] = distance(query, rows + r * kHnswlibStride, &kDim);
}

void run_dot(const math::Kernels& kernels, const float* query, const float* rows, size_t count,
             float* out) {
  const auto dot = kernels.dot;
  for (size_t pass = 0; pass < kDistances / count; ++pass)
    for (size_t r = 0; r < count; ++r) out[r] = dot(query, rows + r * kDim, kDim);
}

void run_dot_x4(const math::Kernels& kernels, const float* query, const float* rows, size_t count,
                float* out) {
  const auto dot_x4 = kernels.dot_x4;
  for (size_t pass = 0; pass < kDistances / count; ++pass)
    for (size_t r = 0; r < count; r += 4) {
      const float* p = rows + r * kDim;
      const float* const four[4] = {p, p + kDim, p + 2 * kDim, p + 3 * kDim};
      dot_x4(query, four, kDim, out + r);
    }
}

void bench_in_cache(const math::Kernels& kernels, size_t count) {
  const bool is_l1 = count == kRowsInL1;
  const auto ours = make_rows(count, kDim * sizeof(float), 0);
  const auto theirs = make_rows(count, kHnswlibStride, kHnswlibOffset);
  const auto query_block = make_rows(1, kDim * sizeof(float), 0);
  const auto* query = reinterpret_cast<const float*>(query_block.get());
  const std::vector<float> their_query(query, query + kDim);
  const auto* rows = reinterpret_cast<const float*>(ours.get());
  std::vector<float> out(count);
  std::vector<Variant> variants = {
      {"hnswlib",
       [&] { run_hnswlib(their_query.data(), theirs.get() + kHnswlibOffset, count, out.data()); }},
      {"dot", [&] { run_dot(kernels, query, rows, count, out.data()); }},
      {"dot_x4", [&] { run_dot_x4(kernels, query, rows, count, out.data()); }}};
  interleave(variants);
  const double distances = static_cast<double>(kDistances);
  std::printf("\nf32 dot, %zu rows in %s, ns each:", count, is_l1 ? "L1" : "L2");
  for (Variant& v : variants)
    std::printf("  %s %.1f", v.name.c_str(), v.median() / distances * 1e9);
  std::printf("\n");
  Variant& rival = variants[0];
  Variant& kernel = variants[is_l1 ? 2 : 1];
  const double target = is_l1 ? 2.5 : 1.8;
  const char* what =
      is_l1 ? "four rows at once against hnswlib, in L1" : "one pair against hnswlib, in L2";
  report(what, rival.median() / kernel.median(), target, "x");
  report("  by the fastest rounds of each", rival.fastest() / kernel.fastest(), target, "x");
}

void bench_from_memory(const math::Kernels& kernels) {
  const auto block = make_rows(kRowsInMemory, kDim * sizeof(float), 0);
  const auto codes = make_codes(kRowsInMemory);
  const auto* rows = reinterpret_cast<const float*>(block.get());
  const auto* code_rows = reinterpret_cast<const int8_t*>(codes.get());
  const size_t bytes = kRowsInMemory * kDim * sizeof(float);
  std::vector<float> dots(kRowsInMemory);
  std::vector<int32_t> code_dots(kRowsInMemory);
  const int32_t sum = kernels.sum_i8(code_rows, kDim);

  std::vector<Variant> variants = {
      {"f32 scan", [&] { kernels.dot_scan(rows, rows, kDim, kDim, kRowsInMemory, dots.data()); }},
      {"int8 scan",
       [&] {
         kernels.dot_codes_scan(code_rows, sum, code_rows, kDim, kDim, kRowsInMemory,
                                code_dots.data());
       }},
      {"4-bit scan", [&] {
         kernels.dot_u4_scan(code_rows, code_rows, kDim / 2, kDim / 2, kRowsInMemory,
                             code_dots.data());
       }}};
  for (const size_t ahead : {0, 1024, 2048, 4096, 8192, 16384})
    variants.push_back({"read, " + std::to_string(ahead) + " ahead",
                        [&, ahead] { sink = read_memory(block.get(), bytes, ahead); }});
  interleave(variants);
  std::printf("\nfrom memory, %zu rows:\n", kRowsInMemory);
  double fastest_read = variants[3].median();
  for (Variant& v : variants) {
    const double size = static_cast<double>(bytes) / (v.name == "int8 scan"    ? 4
                                                      : v.name == "4-bit scan" ? 8
                                                                               : 1);
    std::printf("  %-20s %6.2f ms  %5.1f GB/s\n", v.name.c_str(), v.median() * 1e3,
                size / v.median() / 1e9);
    if (v.name.starts_with("read")) fastest_read = std::min(fastest_read, v.median());
  }
  const double f32 = variants[0].median();
  report("f32 scan, share of the fastest plain read", 100 * fastest_read / f32, 85, "%");
  report("int8 scan against the f32 scan", f32 / variants[1].median(), 3.5, "x");
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace
}  // namespace kindred::bench

int main() {
  using namespace kindred;
  const math::Kernels& kernels = math::active();
  std::printf("CPU: %s; kernels: %s; %zu dimensions; median of %d interleaved rounds, thread CPU\n",
              bench::cpu_name().c_str(), kernels.name, bench::kDim, bench::kRounds);
  bench::bench_in_cache(kernels, bench::kRowsInL2);
  bench::bench_in_cache(kernels, bench::kRowsInL1);
  bench::bench_from_memory(kernels);
}
