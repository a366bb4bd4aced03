#pragma once

#include <cstdint>

#include "kernels/math/scalar.hpp"

namespace shoal::math {

/// The upper half of a float: 8 bits of significand, so a rounding to nearest moves it by 2^-8 of itself at most.
struct Bfloat16 {
  std::uint16_t bits = 0;
};

SHOAL_HD float to_float(Bfloat16 x) {
  return scalar::float_of_bits(static_cast<std::int32_t>(std::uint32_t{x.bits} << 16));
}
SHOAL_HD float to_float(float x) { return x; }

/// Rounds to nearest, ties to even; NaN stays NaN.
SHOAL_HD Bfloat16 to_bfloat16(float x) {
  const auto bits = static_cast<std::uint32_t>(scalar::bits_of(x));
  if (scalar::is_nan(x)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40U)};
  return {static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16)};
}

/// As an operand of a product is stored.
template <class T>
SHOAL_HD T stored_as(float x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return x;
  } else {
    return to_bfloat16(x);
  }
}

}  // namespace shoal::math
