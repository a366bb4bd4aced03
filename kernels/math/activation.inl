// Activations, and what their derivatives do to an error: see formulas.inl for how this text is included.
// relu, leaky_relu, sigmoid, tanh and elu take their derivative from the stored activation a = f(z), whose sign is that
// of z. silu and gelu are not monotonic and softplus loses small z, so their slopes are computed from z itself.

SHOAL_FORMULA Float absolute(Float x) { return float_of_bits(int_and(bits_of(x), int_constant(0x7FFFFFFF))); }

/// -|x|
SHOAL_FORMULA Float minus_absolute(Float x) { return float_of_bits(int_or(bits_of(x), int_constant(-0x7FFFFFFF - 1))); }
/// size with the sign of x; size is not negative.
SHOAL_FORMULA Float with_sign(Float size, Float x) {
  const Int sign = int_and(bits_of(x), int_constant(-0x7FFFFFFF - 1));
  return float_of_bits(int_or(bits_of(size), sign));
}
/// e^-|x|
SHOAL_FORMULA Float exp_minus_absolute(Float x) { return exp_within(at_least(minus_absolute(x), lowest_exponent())); }

SHOAL_FORMULA Float relu(Float z) { return larger(z, constant(0.0F)); }
SHOAL_FORMULA Float leaky_relu(Float z) { return select(less(constant(0.0F), z), z, constant(0.01F) * z); }

/// 1 / (1 + e^-z), from t = e^-|z| so that nothing overflows. What rounding 1 + t lost is given back to the quotient:
/// d(1 / d) = -1 / d^2, where 1 / d is s for z >= 0 and 1 - s below.
SHOAL_FORMULA Float sigmoid(Float z) {
  const Float one = constant(1.0F);
  const Mask negative = less(z, constant(0.0F));
  const Float t = exp_minus_absolute(z);
  const Float d = one + t;
  const Float lost = t - (d - one);
  const Float s = select(negative, t, one) / d;
  return fma(s * select(negative, s - one, constant(0.0F) - s), lost, s);
}

/// An odd polynomial below 0.7, 1 - 2 / (e^2|z| + 1) above, where 10 is as good as more.
SHOAL_FORMULA Float tanh_of(Float z) {
  const Float one = constant(1.0F);
  const Float size = absolute(z);
  const Float s = z * z;
  Float q = constant(0x1.f0f018p-10F);
  q = fma(q, s, constant(-0x1.025202p-7F));
  q = fma(q, s, constant(0x1.616b96p-6F));
  q = fma(q, s, constant(-0x1.b9b87p-5F));
  q = fma(q, s, constant(0x1.110f3cp-3F));
  q = fma(q, s, constant(-0x1.55555p-2F));
  const Float small = fma(z * s, q, z);
  const Float t = exp_within(at_most(size + size, constant(20.0F)));
  const Float large = one - constant(2.0F) / (t + one);
  return select(less(size, constant(0.7F)), small, with_sign(large, z));
}

/// z above 0, e^z - 1 below: 2^n (1 + y) - 1 = 2^n y + (2^n - 1), whose second term is exact.
SHOAL_FORMULA Float elu(Float z) {
  const ExpParts e = exp_parts(at_most(at_least(z, lowest_exponent()), highest_exponent()));
  const Float scale = times_power(constant(1.0F), e.shifted);
  return select(less(constant(0.0F), z), z, fma(scale, e.y, scale - constant(1.0F)));
}

SHOAL_FORMULA Float clamped(Float x, Float low, Float high) { return at_most(at_least(x, low), high); }

/// 1 / (1 + t) for t in [0, 1]: one step of Newton's iteration, which also gives back what rounding 1 + t lost.
SHOAL_FORMULA Float one_over_one_plus(Float t) {
  const Float one = constant(1.0F);
  const Float d = one + t;
  const Float lost = t - (d - one);
  const Float r = one / d;
  return fma(r, fma(constant(0.0F) - d, r, one) - lost * r, r);
}

/// z sigmoid(v), z and v of one sign; subnormal results are rounded once.
SHOAL_FORMULA Float gated(Float z, Float v) {
  const ExpParts e = exp_parts(at_least(minus_absolute(v), lowest_exponent()));
  const Powers two = powers(e.shifted);
  const Float p = (constant(1.0F) + e.y) * two.first;
  const Float top = select(less(v, constant(0.0F)), (z * p) * two.second, z);
  return top * one_over_one_plus(p * two.second);
}

/// z sigmoid(z). Below -120 as at -120, where it is -0.
SHOAL_FORMULA Float silu(Float z) {
  const Float low = constant(-120.0F);
  return gated(at_least(z, low), z);
}

/// z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) = z sigmoid(v): Hendrycks & Gimpel 2016. Beyond +-14 the sigmoid is 0
/// or 1, so v is taken there.
SHOAL_FORMULA Float gelu_gate(Float z) {
  const Float c = clamped(z, constant(-14.0F), constant(14.0F));
  return c * fma(c * c, constant(0x1.2444f2p-4F), constant(0x1.988454p+0F));
}
SHOAL_FORMULA Float gelu(Float z) {
  const Float low = constant(-14.0F);
  return gated(at_least(z, low), gelu_gate(z));
}

/// ln(1 + e^-|z|): what rounding 1 + t lost is given back, d ln(u) = du / u.
SHOAL_FORMULA Float log1p_exp_minus(Float z) {
  const Float one = constant(1.0F);
  const Float t = exp_minus_absolute(z);
  const Float u = one + t;
  return log_of(u) + (t - (u - one)) / u;
}

/// ln(1 + e^z).
SHOAL_FORMULA Float softplus(Float z) { return larger(z, constant(0.0F)) + log1p_exp_minus(z); }

/// f'(z) of softplus, silu and gelu: s, s + z s (1 - s), s + z s (1 - s) v'. s and 1 - s are each of small relative
/// error, so that their product with a large z is.
SHOAL_FORMULA Float softplus_slope(Float z) { return sigmoid(z); }
SHOAL_FORMULA Float gated_slope(Float z, Float v, Float v_slope) {
  const Float t = exp_minus_absolute(v);
  const Float above = one_over_one_plus(t);
  const Float below = t * above;
  const Float s = select(less(v, constant(0.0F)), below, above);
  return fma(z * (above * below), v_slope, s);
}
SHOAL_FORMULA Float silu_slope(Float z) {
  return gated_slope(clamped(z, constant(-120.0F), constant(120.0F)), z, constant(1.0F));
}
SHOAL_FORMULA Float gelu_slope(Float z) {
  const Float c = clamped(z, constant(-14.0F), constant(14.0F));
  return gated_slope(c, gelu_gate(z), fma(c * c, constant(0x1.b6676cp-3F), constant(0x1.988454p+0F)));
}

/// e * f'(z), given a = f(z).
SHOAL_FORMULA Float through_relu(Float a, Float e) { return select(less(constant(0.0F), a), e, constant(0.0F)); }
SHOAL_FORMULA Float through_leaky_relu(Float a, Float e) {
  return select(less(constant(0.0F), a), e, constant(0.01F) * e);
}
SHOAL_FORMULA Float through_sigmoid(Float a, Float e) { return e * (a * (constant(1.0F) - a)); }
SHOAL_FORMULA Float through_elu(Float a, Float e) {
  return select(less(constant(0.0F), a), e, e * (a + constant(1.0F)));
}
SHOAL_FORMULA Float through_tanh(Float a, Float e) { return e * fma(constant(0.0F) - a, a, constant(1.0F)); }
