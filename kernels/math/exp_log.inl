// exp and log: see formulas.inl for how this text is included. Coefficients are minimax fits of relative error by
// scripts/fit_polynomials.py; the error of each function over all floats is in docs/numerics.md.

/// x, but no more than `most`; NaN stays NaN.
SHOAL_FORMULA Float at_most(Float x, Float most) { return smaller(most, x); }
/// x, but no less than `least`; NaN stays NaN.
SHOAL_FORMULA Float at_least(Float x, Float least) { return larger(least, x); }

/// Beyond them e^x overflows, and is 0.
SHOAL_FORMULA Float highest_exponent() { return constant(89.0F); }
SHOAL_FORMULA Float lowest_exponent() { return constant(-120.0F); }

/// e^x = (1 + y) 2^n. |y| < 0.42, and relatively exact to 1 ulp however small x is. NaN makes y NaN. Adding
/// 1.5 * 2^23 to a float rounds it to an integer and leaves that in the low bits: `shifted` is n after that.
struct ExpParts {
  Float y, shifted;
};
SHOAL_FORMULA Float exp_rounder() { return constant(12582912.0F); }
/// For x from lowest_exponent() to highest_exponent().
SHOAL_FORMULA ExpParts exp_parts(Float x) {
  // x = n ln 2 + r with |r| <= ln(2) / 2.
  const Float shifted = fma(x, constant(0x1.715476p+0F), exp_rounder());
  const Float n = shifted - exp_rounder();
  Float r = fma(n, constant(-0x1.62e43p-1F), x);
  r = fma(n, constant(0x1.05c61p-29F), r);
  Float q = constant(0x1.6a1a72p-10F);
  q = fma(q, r, constant(0x1.123fc6p-7F));
  q = fma(q, r, constant(0x1.555916p-5F));
  q = fma(q, r, constant(0x1.55548ap-3F));
  q = fma(q, r, constant(0x1.fffffcp-2F));
  return {fma(r * r, q, r), shifted};
}

/// 2^n as two factors neither of which overflows: a product with both is rounded once, where it is subnormal.
struct Powers {
  Float first, second;
};
SHOAL_FORMULA Powers powers(Float shifted) {
  const Int exponent = int_subtract(bits_of(shifted), bits_of(exp_rounder()));
  const Int half = shift_right<1>(exponent);
  const Int bias = int_constant(127);
  return {float_of_bits(shift_left<23>(int_add(half, bias))),
          float_of_bits(shift_left<23>(int_add(int_subtract(exponent, half), bias)))};
}
SHOAL_FORMULA Float times_power(Float x, Float shifted) {
#ifdef SHOAL_TIMES_POWER
  return SHOAL_TIMES_POWER(x, shifted - exp_rounder());
#else
  const Powers two = powers(shifted);
  return (x * two.first) * two.second;
#endif
}

/// e^x for x as exp_parts() wants it.
SHOAL_FORMULA Float exp_within(Float x) {
  const ExpParts e = exp_parts(x);
  return times_power(constant(1.0F) + e.y, e.shifted);
}

/// e^x. Overflows to +Inf from 88.73 on, is 0 below -103.98, subnormal in between as it should; NaN stays NaN.
SHOAL_FORMULA Float exp_of(Float x) { return exp_within(at_most(at_least(x, lowest_exponent()), highest_exponent())); }

/// ln x. -Inf at 0, NaN below, +Inf at +Inf; subnormals as they should.
SHOAL_FORMULA Float log_of(Float x) {
  const Float zero = constant(0.0F);
  const Float one = constant(1.0F);
  const Float smallest_normal = constant(0x1p-126F);
  const Mask subnormal = less(x, smallest_normal);
  const Float scaled = select(subnormal, x * constant(0x1p+23F), x);
  // scaled = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const Int bits = int_subtract(bits_of(scaled), int_constant(0x3F3504F3));
  const Int exponent = shift_right<23>(bits);
  const Float m = float_of_bits(int_add(int_and(bits, int_constant(0x007FFFFF)), int_constant(0x3F3504F3)));
  const Float e = to_float(exponent) - select(subnormal, constant(23.0F), zero);
  const Float f = m - one;
  Float q = constant(0x1.15b136p-4F);
  q = fma(q, f, constant(-0x1.e08adp-4F));
  q = fma(q, f, constant(0x1.e7992p-4F));
  q = fma(q, f, constant(-0x1.fbd20cp-4F));
  q = fma(q, f, constant(0x1.232788p-3F));
  q = fma(q, f, constant(-0x1.555dd4p-3F));
  q = fma(q, f, constant(0x1.99a57cp-3F));
  q = fma(q, f, constant(-0x1.000004p-2F));
  q = fma(q, f, constant(0x1.555546p-2F));
  const Float square = f * f;
  // ln m = f - f^2 / 2 + f^3 q, the small terms first.
  Float tail = fma(square * f, q, e * constant(-0x1.05c61p-29F));
  tail = fma(constant(-0.5F), square, tail);
  const Float result = fma(e, constant(0x1.62e43p-1F), f + tail);
  const Float infinity = float_of_bits(int_constant(0x7F800000));
  const Float positive = select(less(x, infinity), result, x);  // +Inf and NaN pass
  const Float at_zero = zero - infinity;
  const Float invalid = infinity - infinity;
  return select(less(zero, x), positive, select(less(x, zero), invalid, select(is_nan(x), x, at_zero)));
}
