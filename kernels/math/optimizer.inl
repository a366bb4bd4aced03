// One parameter's step, given its gradient: see formulas.inl for how this text is included.

/// The gradient with that of an L1 penalty, l1 |w|, whose derivative at w = 0 is 0.
SHOAL_FORMULA Float with_l1(Float g, Float w, Float l1) {
  const Float zero = constant(0.0F);
  return g + select(less(zero, w), l1, select(less(w, zero), zero - l1, zero));
}

/// w <- w - eta g.
SHOAL_FORMULA void sgd_step(Float& w, Float g, Float eta) { w = fma(constant(0.0F) - eta, g, w); }

/// x, or 0 where it is subnormal. Means of past gradients whose units have ended decay; 0.9 of the least float is that
/// float again, so they would never be 0, and processors are many times as slow with subnormal numbers.
SHOAL_FORMULA Float normal_or_zero(Float x) {
  return select(less(absolute(x), constant(0x1p-126F)), constant(0.0F), x);
}

/// Sutskever et al. 2013, equations 3 and 4, the velocity u holding the step itself.
SHOAL_FORMULA void momentum_step(Float& w, Float& u, Float g, Float eta, Float mu) {
  const Float q = eta * g;
  u = normal_or_zero(fma(mu, u, constant(0.0F) - q));
  w = w + u;
}
SHOAL_FORMULA void nesterov_step(Float& w, Float& u, Float g, Float eta, Float mu) {
  const Float q = eta * g;
  u = normal_or_zero(fma(mu, u, constant(0.0F) - q));
  w = w + fma(mu, u, constant(0.0F) - q);
}

/// g, or 0 where a thousandth of its square would be subnormal, which moves no weight: a penalty's gradient of weights
/// that have decayed stays there for long.
SHOAL_FORMULA Float squarable_or_zero(Float g) {
  return select(less(absolute(g), constant(0x1p-58F)), constant(0.0F), g);
}

/// Kingma & Ba 2015, the faster form at the end of section 2; c_k = 1 - beta_k, eta_t holds both bias corrections.
SHOAL_FORMULA void adam_step(Float& w, Float& m, Float& v, Float g, Float eta_t, Float beta_1, Float c_1, Float beta_2,
                             Float c_2, Float epsilon) {
  g = squarable_or_zero(g);
  m = normal_or_zero(fma(beta_1, m, c_1 * g));
  v = normal_or_zero(fma(beta_2, v, c_2 * (g * g)));
  w = w - (eta_t * m) / (square_root(v) + epsilon);
}

/// adamw, before adam's step: Loshchilov & Hutter 2019, algorithm 2. decay = eta * alpha.
SHOAL_FORMULA Float decayed(Float w, Float decay) { return fma(constant(0.0F) - decay, w, w); }

/// Tieleman & Hinton 2012, lecture 6e, with epsilon outside the root.
SHOAL_FORMULA void rmsprop_step(Float& w, Float& v, Float g, Float eta, Float beta_2, Float c_2, Float epsilon) {
  g = squarable_or_zero(g);
  v = normal_or_zero(fma(beta_2, v, c_2 * (g * g)));
  w = w - (eta * g) / (square_root(v) + epsilon);
}
