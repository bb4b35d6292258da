// SPDX-License-Identifier: Apache-2.0
#include "math/kernels.h"

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace kindred::math {

#if defined(__x86_64__)
extern const Kernels kKernelsBaseline;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;
extern const Kernels kKernelsAvx512Vnni;
#else
extern const Kernels kKernelsNeon;
#endif

namespace {

struct Candidate {
  const Kernels* kernels;
  bool (*is_supported)();
};

// Best first; the last one runs everywhere. __builtin_cpu_supports also asks whether the operating
// system saves the registers.
#if defined(__x86_64__)
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

bool has_avx512vnni() {
  return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

constexpr std::array kCandidates = {
    Candidate{&kKernelsAvx512Vnni, has_avx512vnni},
    Candidate{&kKernelsAvx512, has_avx512},
    Candidate{&kKernelsAvx2, has_avx2},
    Candidate{&kKernelsBaseline, [] { return true; }},
};
#else
constexpr std::array kCandidates = {Candidate{&kKernelsNeon, [] { return true; }}};
#endif

struct Runnable {
  std::array<const Kernels*, kCandidates.size()> sets{};
  size_t count = 0;
};

Runnable find_runnable() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();  // for calls from before main()
#endif
  Runnable found;
  for (const Candidate& c : kCandidates)
    if (c.is_supported()) found.sets[found.count++] = c.kernels;
  return found;
}

[[noreturn]] void throw_not_runnable(std::string_view name) {
  std::string message = "KINDRED_FORCE_ISA: got \"" + std::string(name) + "\", expected one of ";
  for (size_t i = 0; i < runnable().size(); ++i)
    message += (i > 0 ? ", " : "") + std::string(runnable()[i]->name);
  message += " (what this build has and this CPU can run)";
  throw std::runtime_error(message);
}

const Kernels& resolve() {
  const char* forced = std::getenv("KINDRED_FORCE_ISA");
  return forced != nullptr ? choose(forced) : *runnable().front();
}

}  // namespace

std::span<const Kernels* const> runnable() noexcept {
  static const Runnable found = find_runnable();
  return {found.sets.data(), found.count};
}

const Kernels& choose(std::string_view name) {
  for (const Kernels* kernels : runnable())
    if (name == kernels->name) return *kernels;
  throw_not_runnable(name);
}

const Kernels& active() {
  static const Kernels& kernels = resolve();
  return kernels;
}

}  // namespace kindred::math
