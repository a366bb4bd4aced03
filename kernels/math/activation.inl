// Activations, and what their derivatives do to an error: see formulas.inl for how this text is included.
// Every derivative is taken from the stored activation a = f(z): for each f here a > 0 exactly where z > 0.

SHOAL_FORMULA Float absolute(Float x) { return float_of_bits(int_and(bits_of(x), int_constant(0x7FFFFFFF))); }

SHOAL_FORMULA Float relu(Float z) { return select(less(constant(0.0F), z), z, constant(0.0F)); }
SHOAL_FORMULA Float leaky_relu(Float z) { return select(less(constant(0.0F), z), z, constant(0.01F) * z); }

/// 1 / (1 + e^-z), from t = e^-|z| so that nothing overflows. What rounding 1 + t lost is given back to the quotient:
/// d(1 / d) = -1 / d^2, where 1 / d is s for z >= 0 and 1 - s below.
SHOAL_FORMULA Float sigmoid(Float z) {
  const Float one = constant(1.0F);
  const Mask negative = less(z, constant(0.0F));
  const Float t = exp_of(constant(0.0F) - absolute(z));
  const Float d = one + t;
  const Float lost = t - (d - one);
  const Float s = select(negative, t, one) / d;
  return fma(s * select(negative, s - one, constant(0.0F) - s), lost, s);
}

/// An odd polynomial below 0.7, 1 - 2 / (e^2|z| + 1) above.
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
  const Float t = exp_of(size + size);
  const Float large = one - constant(2.0F) / (t + one);
  const Float signed_large = select(less(z, constant(0.0F)), constant(0.0F) - large, large);
  return select(less(size, constant(0.7F)), small, signed_large);
}

/// e * f'(z), given a = f(z).
SHOAL_FORMULA Float through_relu(Float a, Float e) { return select(less(constant(0.0F), a), e, constant(0.0F)); }
SHOAL_FORMULA Float through_leaky_relu(Float a, Float e) {
  return select(less(constant(0.0F), a), e, constant(0.01F) * e);
}
SHOAL_FORMULA Float through_sigmoid(Float a, Float e) { return e * (a * (constant(1.0F) - a)); }
SHOAL_FORMULA Float through_tanh(Float a, Float e) { return e * fma(constant(0.0F) - a, a, constant(1.0F)); }

/// ln(1 + e^-|z|), the part of binary cross-entropy that is not linear in z.
SHOAL_FORMULA Float log1p_exp_minus(Float z) { return log_of(constant(1.0F) + exp_of(constant(0.0F) - absolute(z))); }
