// What ends a minibatch: the gradient is finished and clipped, every lane takes the step of its solver.

/// Calls each(parameter, is_bias) for the parameters of a layer.
template <class Each>
HWY_INLINE void each_parameter(const LaneLayer& layer, Each each) {
  std::size_t p = layer.parameters;
  for (std::size_t o = 0; o < layer.n_out; ++o) {
    for (std::size_t i = 0; i < layer.n_in; ++i) each(p++, false);
    each(p++, true);
  }
}

/// A lane's rates in one layer.
struct alignas(kAlignment) LayerRates {
  float eta[kMostLanes], decay[kMostLanes];
};

/// In double, rounded once each. The bias corrections count the step that is being made.
HWY_INLINE void layer_rates(const LaneTraining& t, std::size_t l, LayerRates& rates) {
  const LaneRules& rules = *t.rules;
  const bool corrects = t.solver == SolverKind::adam || t.solver == SolverKind::adamw;
  for (std::size_t i = 0; i < kLanes; i += kDoubles) {
    HWY_ALIGN float rounded[kMostLanes];
    store_rounded(load(rules.rate + i) * load(t.layer_rates[l].lane + i), rounded);
    Double rate = widened(rounded);
    if (t.solver == SolverKind::adamw) store_rounded(rate * load(rules.decay + i), rates.decay + i);
    if (corrects) {
      const Double one = double_constant(1.0);
      rate = rate * square_root(one - load(rules.power_2 + i)) / (one - load(rules.power_1 + i));
    }
    store_rounded(rate, rates.eta + i);
  }
}

/// Counts the minibatch.
HWY_INLINE void count_step(LaneRules& rules, SolverKind solver) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) ++rules.step[lane];
  if (solver != SolverKind::adam && solver != SolverKind::adamw) return;
  for (std::size_t i = 0; i < kLanes; i += kDoubles) {
    store(load(rules.power_1 + i) * load(rules.exact_beta_1 + i), rules.power_1 + i);
    store(load(rules.power_2 + i) * load(rules.exact_beta_2 + i), rules.power_2 + i);
  }
}

/// g * inverse with the penalties of the lanes that have them.
struct GradientEnd {
  Float inverse, l2, l1;
  Mask has_l2, has_l1;
  bool any_l2, any_l1;

  HWY_INLINE Float operator()(Float g, Float w, bool is_bias) const {
    g = g * inverse;
    if (!is_bias && any_l2) g = select(has_l2, fma(l2, w, g), g);
    if (!is_bias && any_l1) g = select(has_l1, with_l1(g, w, l1), g);
    return g;
  }
};

HWY_INLINE GradientEnd gradient_end(const LaneRules& rules, Float inverse) {
  const Float zero = constant(0.0F);
  const Float l2 = load(rules.l2) * inverse;
  const Float l1 = load(rules.l1) * inverse;
  return {inverse, l2, l1, less(zero, l2), less(zero, l1), rules.any_l2, rules.any_l1};
}

/// Where a step cannot do it: the norm that clips is that of whole gradients.
HWY_INLINE void finish_gradient(const LaneTraining& t, const GradientEnd& end) {
  for (const LaneLayer& layer : t.shape.layers) {
    each_parameter(layer, [&](std::size_t p, bool is_bias) HWY_ATTR {
      float* g = t.workspace.gradient + p * kLanes;
      store(end(load(g), lanes_of(t.weights, p), is_bias), g);
    });
  }
}

/// Multiplies the gradients of lanes whose norm is too large. Their squares are exact in double.
HWY_INLINE void clip_gradient(const LaneTraining& t) {
  alignas(kAlignment) double squares[math::kPartials * kMostLanes] = {};
  float* gradient = t.workspace.gradient;
  for (std::size_t p = 0; p < t.shape.n_parameters; ++p) {
    double* partial = squares + p % math::kPartials * kLanes;
    for (std::size_t i = 0; i < kLanes; i += kDoubles) {
      const Double g = widened(gradient + p * kLanes + i);
      store(fma(g, g, load(partial + i)), partial + i);
    }
  }
  HWY_ALIGN float factor[kMostLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    double partials[math::kPartials];
    for (std::size_t k = 0; k < math::kPartials; ++k) partials[k] = squares[k * kLanes + lane];
    const double norm = std::sqrt(math::combine_partials(partials));
    const double most = t.rules->clip_norm[lane];
    factor[lane] = most > 0 && norm > most ? static_cast<float>(most / norm) : 1.0F;
  }
  const Float c = load(factor);
  for (std::size_t p = 0; p < t.shape.n_parameters; ++p) {
    store(lanes_of(gradient, p) * c, gradient + p * kLanes);
  }
}

/// The steps of a layer. end(g, w, is_bias) is the gradient of the loss, with penalties.
template <class End>
HWY_INLINE void sgd_layer(const LaneTraining& t, const LaneLayer& layer, const LayerRates& rates, const End& end) {
  const Float eta = load(rates.eta);
  if (!t.rules->any_momentum) {
    return each_parameter(layer, [&](std::size_t p, bool is_bias) HWY_ATTR {
      Float w = lanes_of(t.weights, p);
      sgd_step(w, end(lanes_of(t.workspace.gradient, p), w, is_bias), eta);
      store(w, t.weights + p * kLanes);
    });
  }
  const Float mu = load(t.rules->momentum);
  const Mask uses_momentum = holds(t.rules->uses_momentum);
  const Mask nesterov = holds(t.rules->nesterov);
  each_parameter(layer, [&](std::size_t p, bool is_bias) HWY_ATTR {
    const Float w = lanes_of(t.weights, p);
    const Float g = end(lanes_of(t.workspace.gradient, p), w, is_bias);
    const Float u = lanes_of(t.first_moment, p);
    Float plain = w;
    sgd_step(plain, g, eta);
    Float heavy = w;
    Float velocity = u;
    momentum_step(heavy, velocity, g, eta, mu);
    Float ahead = w;
    velocity = u;
    nesterov_step(ahead, velocity, g, eta, mu);
    store(select(uses_momentum, select(nesterov, ahead, heavy), plain), t.weights + p * kLanes);
    store(select(uses_momentum, velocity, u), t.first_moment + p * kLanes);
  });
}

template <class End>
HWY_INLINE void adam_layer(const LaneTraining& t, const LaneLayer& layer, const LayerRates& rates, const End& end) {
  const LaneRules& rules = *t.rules;
  const Float eta = load(rates.eta);
  const Float decay = load(rates.decay);
  const Mask decays = less(constant(0.0F), decay);
  const bool is_adamw = t.solver == SolverKind::adamw;
  each_parameter(layer, [&](std::size_t p, bool is_bias) HWY_ATTR {
    Float w = lanes_of(t.weights, p);
    Float m = lanes_of(t.first_moment, p);
    Float v = lanes_of(t.second_moment, p);
    const Float g = end(lanes_of(t.workspace.gradient, p), w, is_bias);
    if (is_adamw && !is_bias) w = select(decays, decayed(w, decay), w);
    adam_step(w, m, v, g, eta, load(rules.beta_1), load(rules.c_1), load(rules.beta_2), load(rules.c_2),
              load(rules.epsilon));
    store(w, t.weights + p * kLanes);
    store(m, t.first_moment + p * kLanes);
    store(v, t.second_moment + p * kLanes);
  });
}

template <class End>
HWY_INLINE void rmsprop_layer(const LaneTraining& t, const LaneLayer& layer, const LayerRates& rates, const End& end) {
  const LaneRules& rules = *t.rules;
  const Float eta = load(rates.eta);
  each_parameter(layer, [&](std::size_t p, bool is_bias) HWY_ATTR {
    Float w = lanes_of(t.weights, p);
    Float v = lanes_of(t.second_moment, p);
    rmsprop_step(w, v, end(lanes_of(t.workspace.gradient, p), w, is_bias), eta, load(rules.beta_2), load(rules.c_2),
                 load(rules.epsilon));
    store(w, t.weights + p * kLanes);
    store(v, t.second_moment + p * kLanes);
  });
}

template <class End>
HWY_INLINE void step_layers(const LaneTraining& t, const End& end) {
  for (std::size_t l = 0; l < t.shape.layers.size(); ++l) {
    LayerRates rates;
    layer_rates(t, l, rates);
    switch (t.solver) {
      case SolverKind::sgd:
        sgd_layer(t, t.shape.layers[l], rates, end);
        break;
      case SolverKind::adam:
      case SolverKind::adamw:
        adam_layer(t, t.shape.layers[l], rates, end);
        break;
      case SolverKind::rmsprop:
        rmsprop_layer(t, t.shape.layers[l], rates, end);
        break;
    }
  }
}

/// inverse: 1 / rows of the minibatch, or 1 / the sum of their weights.
HWY_ATTR HWY_NOINLINE void step(const LaneTraining& t, Float inverse) {
  count_step(*t.rules, t.solver);
  const GradientEnd end = gradient_end(*t.rules, inverse);
  if (!t.rules->any_clip) return step_layers(t, end);
  finish_gradient(t, end);
  clip_gradient(t);
  step_layers(t, [](Float g, Float, bool) HWY_ATTR { return g; });
}
