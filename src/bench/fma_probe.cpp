#include "bench/fma_probe.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/scalar.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/fma_probe.cpp"
// Before <hwy/highway.h>:
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shoal::bench::HWY_NAMESPACE {

#include "kernels/cpu/highway_adapter.inl"

// Chains of their own, more than any processor's latency times its units.
constexpr std::size_t kChains = 12;
constexpr std::size_t kRepetitions = 20'000;

HWY_ATTR float run(float first, float second) {
  Float sum[kChains];
  for (std::size_t i = 0; i < kChains; ++i) sum[i] = constant(static_cast<float>(i));
  const Float a = constant(first);
  const Float b = constant(second);
  for (std::size_t n = 0; n < kRepetitions; ++n) {
    for (std::size_t i = 0; i < kChains; ++i) sum[i] = fma(sum[i], a, b);
  }
  HWY_ALIGN float lanes[kLanes];
  float of_first_lanes = 0;
  for (std::size_t i = 0; i < kChains; ++i) {
    store(sum[i], lanes);
    of_first_lanes += lanes[0];
  }
  return of_first_lanes;
}

FmaProbe table() { return {2.0 * kLanes * kChains * kRepetitions, run}; }

}  // namespace shoal::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shoal::bench {

std::span<const FmaProbe> fma_probes() {
  static const std::vector<FmaProbe> kAll = SHOAL_OF_TARGETS(table);
  return kAll;
}

}  // namespace shoal::bench
#endif
