// One text for host and device: a kernel must give the bits of the host's scalar formulas. Over the emulated device, or
// on a GPU.
#include "tests/kernels/device_formulas.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <string_view>

#include "tests/parity/cuda/suite.hpp"
#include "tests/support/stratified_floats.hpp"

namespace shoal {
namespace {

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

TEST(SHOAL_CUDA_SUITE, FormulasGiveTheScalarBits) {
  const std::vector<float>& x = testing::stratified_floats();
  for (std::size_t f = 0; f < testing::kFormulaCount; ++f) {
    const std::vector<float> y = cuda::on_device(f, x);
    std::size_t n_different = 0;
    for (std::size_t i = 0; i < x.size(); ++i) n_different += same(y[i], testing::kScalarFormulas[f].of(x[i])) ? 0 : 1;
    EXPECT_EQ(n_different, 0U) << testing::kScalarFormulas[f].name;
  }
}

std::size_t place_of(std::string_view name) {
  std::size_t f = 0;
  while (f < testing::kFormulaCount && testing::kScalarFormulas[f].name != name) ++f;
  return f;
}

TEST(SHOAL_CUDA_SUITE, ExpAndReluOfTheDeviceAreRightAtKnownPoints) {
  const float x[] = {0.0F, 1.0F, -104.0F, 89.0F, -2.0F, 2.5F};
  const std::vector<float> exp = cuda::on_device(place_of("exp_of"), x);
  EXPECT_EQ(exp[0], 1.0F);
  EXPECT_NEAR(exp[1], 2.71828183F, 4.8e-7F);  // 2 ulp
  EXPECT_EQ(exp[2], 0.0F);
  EXPECT_TRUE(std::isinf(exp[3]));
  EXPECT_EQ(cuda::on_device(place_of("relu"), x), (std::vector<float>{0, 1, 0, 89, 0, 2.5F}));
}

}  // namespace
}  // namespace shoal
