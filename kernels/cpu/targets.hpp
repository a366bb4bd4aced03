#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

/// Which SIMD targets of a source compiled once a target (<hwy/foreach_target.h>) this machine runs. Highway's own
/// choice needs its library, of which there is often no static one; two questions to the processor need none.
namespace shoal::cpu {

#if defined(__x86_64__)
[[nodiscard]] inline bool runs_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
[[nodiscard]] inline bool runs_avx512() {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#else
[[nodiscard]] inline bool runs_avx2() { return false; }
[[nodiscard]] inline bool runs_avx512() { return false; }
#endif

/// What each target's function returns, of those that this machine runs, widest first; nullptr: not in this build.
template <class T>
[[nodiscard]] std::vector<T> of_targets(std::type_identity_t<T (*)()> avx512, std::type_identity_t<T (*)()> avx2,
                                        T (*baseline)()) {
  std::vector<T (*)()> functions;
  if (avx512 != nullptr && runs_avx512()) functions.push_back(avx512);
  if (avx2 != nullptr && runs_avx2()) functions.push_back(avx2);
  // A compiler told to use AVX2 everywhere makes it the baseline.
  if (std::ranges::find(functions, baseline) == functions.end()) functions.push_back(baseline);
  std::vector<T> results;
  for (T (*function)() : functions) results.push_back(function());
  return results;
}

}  // namespace shoal::cpu

/// of_targets for the function of that name in every HWY_NAMESPACE; for use under HWY_ONCE, after <hwy/highway.h>.
#define SHOAL_OF_TARGETS(function) \
  shoal::cpu::of_targets(HWY_CHOOSE_AVX3(function), HWY_CHOOSE_AVX2(function), &HWY_STATIC_DISPATCH(function))
