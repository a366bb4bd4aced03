// Where an activation's derivative is multiplied with an error.

/// Calls each(through), through(e, from) being e * f'(z), where `from` is the slope f'(z) if stores_slope(act), else
/// a = f(z).
template <class Each>
HWY_INLINE void with_derivative(Act act, Each each) {
  switch (act) {
    case Act::identity:
      return each([](auto e, auto) HWY_ATTR { return e; });
    case Act::relu:
      return each([](auto e, auto a) HWY_ATTR { return through_relu(a, e); });
    case Act::leaky_relu:
      return each([](auto e, auto a) HWY_ATTR { return through_leaky_relu(a, e); });
    case Act::sigmoid:
      return each([](auto e, auto a) HWY_ATTR { return through_sigmoid(a, e); });
    case Act::tanh:
      return each([](auto e, auto a) HWY_ATTR { return through_tanh(a, e); });
    case Act::elu:
      return each([](auto e, auto a) HWY_ATTR { return through_elu(a, e); });
    case Act::softplus:
    case Act::silu:
    case Act::gelu:
      return each([](auto e, auto slope) HWY_ATTR { return e * slope; });
  }
}

/// What dropout's factor leaves of x, a unit or its error: 0 of all that is dropped, be it NaN.
HWY_INLINE Float dropped(Float x, Float factor) {
  const Float zero = constant(0.0F);
  return select(less(zero, factor), x * factor, zero);
}
