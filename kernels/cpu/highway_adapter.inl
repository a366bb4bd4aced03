// What kernels/math/formulas.inl needs, for the vectors of the target that is being compiled. Included inside
// HWY_NAMESPACE, once a target. The baseline target has no fused multiply-add instruction of its own, so it computes
// one float at a time with std::fma: right on every machine, and slow.
#undef SHOAL_HAS_TIMES_POWER  // of the target before
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4

inline constexpr std::size_t kLanes = 1;
using Float = float;
using Mask = bool;
inline Float load(const float* from) { return *from; }
inline void store(Float x, float* to) { *to = x; }
inline Float load_anywhere(const float* from) { return *from; }
inline void store_anywhere(Float x, float* to) { *to = x; }
using namespace shoal::math::scalar;

#else

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using Float = hn::Vec<FloatTag>;
using Int = hn::Vec<IntTag>;
using Mask = hn::Mask<FloatTag>;
inline constexpr std::size_t kLanes = HWY_LANES(float);
#define SHOAL_FORMULA HWY_INLINE

HWY_INLINE Float load(const float* from) { return hn::Load(FloatTag(), from); }
HWY_INLINE void store(Float x, float* to) { hn::Store(x, FloatTag(), to); }
/// The same where `from` need not be aligned.
HWY_INLINE Float load_anywhere(const float* from) { return hn::LoadU(FloatTag(), from); }
HWY_INLINE void store_anywhere(Float x, float* to) { hn::StoreU(x, FloatTag(), to); }
HWY_INLINE Float constant(float x) { return hn::Set(FloatTag(), x); }
HWY_INLINE Int int_constant(std::int32_t x) { return hn::Set(IntTag(), x); }
HWY_INLINE Float fma(Float a, Float b, Float c) { return hn::MulAdd(a, b, c); }
HWY_INLINE Float square_root(Float x) { return hn::Sqrt(x); }
HWY_INLINE Float select(Mask mask, Float yes, Float no) { return hn::IfThenElse(mask, yes, no); }
HWY_INLINE Mask less(Float a, Float b) { return hn::Lt(a, b); }
#if HWY_ARCH_X86  // whose instructions are what larger and smaller mean
HWY_INLINE Float larger(Float a, Float b) { return hn::Max(a, b); }
HWY_INLINE Float smaller(Float a, Float b) { return hn::Min(a, b); }
#else
HWY_INLINE Float larger(Float a, Float b) { return select(less(b, a), a, b); }
HWY_INLINE Float smaller(Float a, Float b) { return select(less(a, b), a, b); }
#endif
HWY_INLINE Mask is_nan(Float x) { return hn::IsNaN(x); }
HWY_INLINE Int bits_of(Float x) { return hn::BitCast(IntTag(), x); }
HWY_INLINE Float float_of_bits(Int bits) { return hn::BitCast(FloatTag(), bits); }
HWY_INLINE Int int_add(Int a, Int b) { return hn::Add(a, b); }
HWY_INLINE Int int_subtract(Int a, Int b) { return hn::Sub(a, b); }
HWY_INLINE Int int_and(Int a, Int b) { return hn::And(a, b); }
HWY_INLINE Int int_or(Int a, Int b) { return hn::Or(a, b); }
template <int kBits>
HWY_INLINE Int shift_left(Int x) {
  return hn::ShiftLeft<kBits>(x);
}
template <int kBits>
HWY_INLINE Int shift_right(Int x) {
  return hn::ShiftRight<kBits>(x);
}
HWY_INLINE Float to_float(Int x) { return hn::ConvertTo(FloatTag(), x); }
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
#define SHOAL_HAS_TIMES_POWER
HWY_INLINE Float times_whole_power(Float x, Float n) { return Float{_mm512_scalef_ps(x.raw, n.raw)}; }
#define SHOAL_TIMES_POWER(x, n) times_whole_power(x, n)
#endif

#include "kernels/math/formulas.inl"

#undef SHOAL_TIMES_POWER
#undef SHOAL_FORMULA
#endif

constexpr std::string_view target_name() {
  if (kLanes == 1) return "scalar";
  return HWY_TARGET == HWY_AVX2 ? "AVX2" : HWY_TARGET == HWY_NEON ? "NEON" : kLanes == 16 ? "AVX-512" : "SIMD";
}
