#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace shoal::testing {

/// A million floats, every sign, exponent and a spread of mantissas among them, then 32 special ones: both zeros,
/// infinities and NaNs, the ends of the subnormals, and where exp, tanh and leaky_relu change their branches.
inline const std::vector<float>& stratified_floats() {
  static const std::vector<float> floats = [] {
    std::vector<float> all;
    all.reserve((1U << 20) + 32);
    for (std::uint32_t i = 0; i < (1U << 20); ++i) {
      const std::uint32_t mantissa = (i * 2654435761U) >> 20;
      all.push_back(std::bit_cast<float>((i << 12) | mantissa));
    }
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    for (const float x :
         {0.0F, 0x1p-149F, 0x1.fffffcp-127F, 0x1p-126F, 0x1.666664p-1F, 0.7F, 1.0F, 88.72283F, 88.72284F, 89.0F,
          103.97207F, 103.97208F, 104.0F, std::numeric_limits<float>::max(), kInfinity, kNaN}) {
      all.push_back(x);
      all.push_back(-x);
    }
    return all;
  }();
  return floats;
}

}  // namespace shoal::testing
