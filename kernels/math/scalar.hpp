#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/math/host_device.hpp"

/// The strict formulas on single floats, host and device.
namespace shoal::math::scalar {

using Float = float;
using Int = std::int32_t;
using Mask = bool;
#define SHOAL_FORMULA SHOAL_HD

SHOAL_HD Float fma(Float a, Float b, Float c) {
#if defined(__CUDA_ARCH__)
  return ::fmaf(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}
SHOAL_HD Float square_root(Float x) {
#if defined(__CUDA_ARCH__)
  return ::sqrtf(x);
#else
  return std::sqrt(x);
#endif
}
SHOAL_HD Float constant(float x) { return x; }
SHOAL_HD Int int_constant(std::int32_t x) { return x; }
SHOAL_HD Float select(Mask mask, Float yes, Float no) { return mask ? yes : no; }
SHOAL_HD Mask less(Float a, Float b) { return a < b; }
SHOAL_HD Float larger(Float a, Float b) { return b < a ? a : b; }
SHOAL_HD Float smaller(Float a, Float b) { return a < b ? a : b; }
SHOAL_HD Mask is_nan(Float x) { return x != x; }
SHOAL_HD Int bits_of(Float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_int(x);
#else
  Int bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
#endif
}
SHOAL_HD Float float_of_bits(Int bits) {
#if defined(__CUDA_ARCH__)
  return __int_as_float(bits);
#else
  Float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
#endif
}
// Integers wrap around: the bits of NaN and of negative floats go through these sums as well.
SHOAL_HD Int int_add(Int a, Int b) {
  return static_cast<Int>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
SHOAL_HD Int int_subtract(Int a, Int b) {
  return static_cast<Int>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}
SHOAL_HD Int int_and(Int a, Int b) { return a & b; }
SHOAL_HD Int int_or(Int a, Int b) { return a | b; }
template <int kBits>
SHOAL_HD Int shift_left(Int x) {
  return static_cast<Int>(static_cast<std::uint32_t>(x) << kBits);
}
template <int kBits>
SHOAL_HD Int shift_right(Int x) {
  return x >> kBits;
}
SHOAL_HD Float to_float(Int x) { return static_cast<Float>(x); }

#include "kernels/math/formulas.inl"

#undef SHOAL_FORMULA
}  // namespace shoal::math::scalar
