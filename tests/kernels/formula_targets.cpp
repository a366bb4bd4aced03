#include "formula_targets.hpp"

#include "kernels/cpu/targets.hpp"
#include "kernels/math/scalar.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/formula_targets.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace HWY_NAMESPACE {

#include "kernels/cpu/highway_adapter.inl"

#define SHOAL_ALL_OF(f)                                                       \
  HWY_ATTR void all_##f(const float* x, float* y, std::size_t n) {            \
    for (std::size_t i = 0; i < n; i += kLanes) store(f(load(x + i)), y + i); \
  }
SHOAL_FORMULAS(SHOAL_ALL_OF)
#undef SHOAL_ALL_OF

#define SHOAL_ALL_NAME(f) all_##f,
FormulaTarget target() { return {hwy::TargetName(HWY_TARGET), {SHOAL_FORMULAS(SHOAL_ALL_NAME)}}; }
#undef SHOAL_ALL_NAME

}  // namespace HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
std::vector<FormulaTarget> formula_targets() { return SHOAL_OF_TARGETS(target); }
#endif
