// All strict formulas, once. This text is included inside a namespace, once a target, after that namespace has defined
// an adapter (scalar.hpp, kernels/cpu/highway_adapter.inl):
//   Float, Int, Mask            a float, a 32-bit integer and a truth value, or a vector of each
//   + - * / on Float; fma, square_root, constant, select, less, is_nan
//   larger(a, b), smaller(a, b)  a where it is, else b: where either is NaN, and of two zeros
//   bits_of, float_of_bits, int_constant, int_add and int_subtract (wrapping), int_and, int_or, shift_left,
//   shift_right (arithmetic), to_float
//   SHOAL_TIMES_POWER(x, n)     where there is such an instruction: x 2^n, rounded once, n a Float that is whole
//   SHOAL_FORMULA               what stands before a function (inline and the like)
// Every multiply-add that is meant stands as fma; nothing else may be fused (docs/numerics.md).
#include "kernels/math/exp_log.inl"
//
#include "kernels/math/activation.inl"
//
#include "kernels/math/optimizer.inl"
