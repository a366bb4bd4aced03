// Doubles beside the floats of highway_adapter.inl: a vector of floats is kLanes / kDoubles vectors of doubles.
// Included inside HWY_NAMESPACE, once a target, after it.
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4

inline constexpr std::size_t kDoubles = 1;
using Double = double;
// The overloads below would hide these.
using shoal::math::scalar::fma;
using shoal::math::scalar::square_root;
inline Double load(const double* from) { return *from; }
inline void store(Double x, double* to) { *to = x; }
inline Double widened(const float* from) { return static_cast<double>(*from); }
inline void store_rounded(Double x, float* to) { *to = static_cast<float>(x); }
inline Double double_constant(double x) { return x; }
inline Double fma(Double a, Double b, Double c) { return std::fma(a, b, c); }
inline Double square_root(Double x) { return std::sqrt(x); }

#else

using DoubleTag = hn::ScalableTag<double>;
using Double = hn::Vec<DoubleTag>;
using HalfTag = hn::Rebind<float, DoubleTag>;
inline constexpr std::size_t kDoubles = HWY_LANES(double);

HWY_INLINE Double load(const double* from) { return hn::Load(DoubleTag(), from); }
HWY_INLINE void store(Double x, double* to) { hn::Store(x, DoubleTag(), to); }
HWY_INLINE Double widened(const float* from) { return hn::PromoteTo(DoubleTag(), hn::Load(HalfTag(), from)); }
HWY_INLINE void store_rounded(Double x, float* to) { hn::Store(hn::DemoteTo(HalfTag(), x), HalfTag(), to); }
HWY_INLINE Double double_constant(double x) { return hn::Set(DoubleTag(), x); }
HWY_INLINE Double fma(Double a, Double b, Double c) { return hn::MulAdd(a, b, c); }
HWY_INLINE Double square_root(Double x) { return hn::Sqrt(x); }

#endif
