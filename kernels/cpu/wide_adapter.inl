// What kernels/math/formulas.inl needs, for four vectors at a time of the target that is being compiled. Most steps of
// a formula wait for the one before, and a processor looks but some hundred instructions ahead for others: here each
// step stands beside those of three other vectors. Included inside HWY_NAMESPACE, once a target, after
// highway_adapter.inl.
namespace wide {

template <class T>
struct Two {
  T a, b;
};
template <class T>
HWY_INLINE Two<T> two(T a, T b) {
  return {a, b};
}

using Float = Two<Two<HWY_NAMESPACE::Float>>;
using Int = Two<Two<HWY_NAMESPACE::Int>>;
using Mask = Two<Two<HWY_NAMESPACE::Mask>>;
inline constexpr std::size_t kFloats = 4 * kLanes;

HWY_INLINE Float load(const float* from) {
  const auto pair = [](const float* at)
                        HWY_ATTR { return two(HWY_NAMESPACE::load(at), HWY_NAMESPACE::load(at + kLanes)); };
  return two(pair(from), pair(from + 2 * kLanes));
}
HWY_INLINE void store(Float x, float* to) {
  HWY_NAMESPACE::store(x.a.a, to);
  HWY_NAMESPACE::store(x.a.b, to + kLanes);
  HWY_NAMESPACE::store(x.b.a, to + 2 * kLanes);
  HWY_NAMESPACE::store(x.b.b, to + 3 * kLanes);
}
HWY_INLINE Float constant(float x) {
  const auto one = HWY_NAMESPACE::constant(x);
  return two(two(one, one), two(one, one));
}
HWY_INLINE Int int_constant(std::int32_t x) {
  const auto one = HWY_NAMESPACE::int_constant(x);
  return two(two(one, one), two(one, one));
}

template <class T>
HWY_INLINE Two<T> operator+(Two<T> x, Two<T> y) {
  return {x.a + y.a, x.b + y.b};
}
template <class T>
HWY_INLINE Two<T> operator-(Two<T> x, Two<T> y) {
  return {x.a - y.a, x.b - y.b};
}
template <class T>
HWY_INLINE Two<T> operator*(Two<T> x, Two<T> y) {
  return {x.a * y.a, x.b * y.b};
}
template <class T>
HWY_INLINE Two<T> operator/(Two<T> x, Two<T> y) {
  return {x.a / y.a, x.b / y.b};
}

/// f(x, ...) of both halves; f of single vectors would be hidden.
#define SHOAL_OF_BOTH(f)              \
  using HWY_NAMESPACE::f;             \
  template <class... T>               \
  HWY_INLINE auto f(Two<T>... x) {    \
    return two(f(x.a...), f(x.b...)); \
  }
SHOAL_OF_BOTH(fma)
SHOAL_OF_BOTH(square_root)
SHOAL_OF_BOTH(select)
SHOAL_OF_BOTH(less)
SHOAL_OF_BOTH(larger)
SHOAL_OF_BOTH(smaller)
SHOAL_OF_BOTH(is_nan)
SHOAL_OF_BOTH(bits_of)
SHOAL_OF_BOTH(float_of_bits)
SHOAL_OF_BOTH(int_add)
SHOAL_OF_BOTH(int_subtract)
SHOAL_OF_BOTH(int_and)
SHOAL_OF_BOTH(int_or)
SHOAL_OF_BOTH(to_float)
#ifdef SHOAL_HAS_TIMES_POWER
SHOAL_OF_BOTH(times_whole_power)
#define SHOAL_TIMES_POWER(x, n) times_whole_power(x, n)
#endif
#undef SHOAL_OF_BOTH

using HWY_NAMESPACE::shift_left;
using HWY_NAMESPACE::shift_right;
template <int kBits, class T>
HWY_INLINE Two<T> shift_left(Two<T> x) {
  return {shift_left<kBits>(x.a), shift_left<kBits>(x.b)};
}
template <int kBits, class T>
HWY_INLINE Two<T> shift_right(Two<T> x) {
  return {shift_right<kBits>(x.a), shift_right<kBits>(x.b)};
}

#define SHOAL_FORMULA HWY_INLINE
#include "kernels/math/formulas.inl"
#undef SHOAL_FORMULA
#undef SHOAL_TIMES_POWER

}  // namespace wide
