#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace shoal::testing {

/// A million floats, every sign, exponent and a spread of mantissas among them: zeros, subnormals, infinities and NaN
/// too.
inline const std::vector<float>& stratified_floats() {
  static const std::vector<float> floats = [] {
    std::vector<float> all;
    all.reserve(1U << 20);
    for (std::uint32_t i = 0; i < (1U << 20); ++i) {
      const std::uint32_t mantissa = (i * 2654435761U) >> 20;
      all.push_back(std::bit_cast<float>((i << 12) | mantissa));
    }
    return all;
  }();
  return floats;
}

}  // namespace shoal::testing
