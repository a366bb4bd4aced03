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

template <class Formula>
HWY_INLINE void each(const float* from, float* to, std::size_t n, Formula formula) {
  for (std::size_t i = 0; i < n; i += kLanes) store(formula(load(from + i)), to + i);
}

HWY_ATTR void all_exp(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return exp_of(v); });
}
HWY_ATTR void all_log(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return log_of(v); });
}
HWY_ATTR void all_tanh(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return tanh_of(v); });
}
HWY_ATTR void all_sigmoid(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return sigmoid(v); });
}
HWY_ATTR void all_relu(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return relu(v); });
}
HWY_ATTR void all_leaky_relu(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Float v) HWY_ATTR { return leaky_relu(v); });
}

FormulaTarget formulas() {
  return {hwy::TargetName(HWY_TARGET), all_exp, all_log, all_tanh, all_sigmoid, all_relu, all_leaky_relu};
}

}  // namespace HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
std::vector<FormulaTarget> formula_targets() { return SHOAL_OF_TARGETS(formulas); }
#endif
