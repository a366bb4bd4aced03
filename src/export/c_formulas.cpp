// The activations of kernels/math in C, for programs that have neither C++ nor shoal. A second text of each formula,
// held to the bits of the first by tests/unit/export/c_formulas_test.cpp.
#include "export/c_formulas.hpp"

#include <set>
#include <vector>

namespace shoal::exporting {
namespace {

struct Formula {
  std::string_view name;
  std::vector<std::string_view> calls;
  std::string_view text;
};

/// In an order in which each one stands behind those that it calls.
const std::vector<Formula>& formulas() {
  static const std::vector<Formula> all{{"bits", {}, R"(
static inline uint32_t @bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float @float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
)"},
                                        {"exp_parts", {"bits"}, R"(
/* e^x = ((1 + y) first) second, first and second powers of two: neither factor overflows. */
struct @exp_parts {
  float y, first, second;
};
static inline struct @exp_parts @exp_parts_of(float x) {
  const float rounder = 12582912.0f; /* 1.5 * 2^23: adding it rounds to the integer and leaves it in the low bits */
  float shifted, n, r, q;
  int32_t exponent, half;
  struct @exp_parts parts;
  x = x < -120.0f ? -120.0f : x;
  x = 89.0f < x ? 89.0f : x;
  shifted = fmaf(x, 0x1.715476p+0f, rounder);
  n = shifted - rounder;
  r = fmaf(n, -0x1.62e43p-1f, x);
  r = fmaf(n, 0x1.05c61p-29f, r);
  q = 0x1.6a1a72p-10f;
  q = fmaf(q, r, 0x1.123fc6p-7f);
  q = fmaf(q, r, 0x1.555916p-5f);
  q = fmaf(q, r, 0x1.55548ap-3f);
  q = fmaf(q, r, 0x1.fffffcp-2f);
  exponent = (int32_t)(@bits(shifted) - @bits(rounder));
  half = exponent >> 1;
  parts.y = fmaf(r * r, q, r);
  parts.first = @float(((uint32_t)half + 127u) << 23);
  parts.second = @float(((uint32_t)exponent - (uint32_t)half + 127u) << 23);
  return parts;
}
)"},
                                        {"exp", {"exp_parts"}, R"(
static inline float @exp(float x) {
  const struct @exp_parts e = @exp_parts_of(x);
  return ((1.0f + e.y) * e.first) * e.second;
}
)"},
                                        {"log", {"bits"}, R"(
/* ln x for x > 0. */
static inline float @log(float x) {
  const float scaled = x < 0x1p-126f ? x * 0x1p+23f : x;
  const uint32_t bits = @bits(scaled) - 0x3F3504F3u;
  const float m = @float((bits & 0x007FFFFFu) + 0x3F3504F3u);
  const float e = (float)((int32_t)bits >> 23) - (x < 0x1p-126f ? 23.0f : 0.0f);
  const float f = m - 1.0f;
  const float square = f * f;
  float q, tail;
  q = 0x1.15b136p-4f;
  q = fmaf(q, f, -0x1.e08adp-4f);
  q = fmaf(q, f, 0x1.e7992p-4f);
  q = fmaf(q, f, -0x1.fbd20cp-4f);
  q = fmaf(q, f, 0x1.232788p-3f);
  q = fmaf(q, f, -0x1.555dd4p-3f);
  q = fmaf(q, f, 0x1.99a57cp-3f);
  q = fmaf(q, f, -0x1.000004p-2f);
  q = fmaf(q, f, 0x1.555546p-2f);
  tail = fmaf(square * f, q, e * -0x1.05c61p-29f);
  tail = fmaf(-0.5f, square, tail);
  return x <= FLT_MAX ? fmaf(e, 0x1.62e43p-1f, f + tail) : x;
}
)"},
                                        {"relu", {}, R"(
static inline float @relu(float z) { return 0.0f < z ? z : 0.0f; }
)"},
                                        {"leaky_relu", {}, R"(
static inline float @leaky_relu(float z) { return 0.0f < z ? z : 0.01f * z; }
)"},
                                        {"sigmoid", {"exp"}, R"(
static inline float @sigmoid(float z) {
  const float t = @exp(0.0f - fabsf(z));
  const float d = 1.0f + t;
  const float lost = t - (d - 1.0f);
  const float s = (z < 0.0f ? t : 1.0f) / d;
  return fmaf(s * (z < 0.0f ? s - 1.0f : 0.0f - s), lost, s);
}
)"},
                                        {"tanh", {"exp"}, R"(
static inline float @tanh(float z) {
  const float size = fabsf(z);
  const float s = z * z;
  float q, large;
  q = 0x1.f0f018p-10f;
  q = fmaf(q, s, -0x1.025202p-7f);
  q = fmaf(q, s, 0x1.616b96p-6f);
  q = fmaf(q, s, -0x1.b9b87p-5f);
  q = fmaf(q, s, 0x1.110f3cp-3f);
  q = fmaf(q, s, -0x1.55555p-2f);
  if (size < 0.7f) return fmaf(z * s, q, z);
  large = 1.0f - 2.0f / (@exp(size + size) + 1.0f);
  return z < 0.0f ? 0.0f - large : large;
}
)"},
                                        {"elu", {"exp_parts"}, R"(
static inline float @elu(float z) {
  const struct @exp_parts e = @exp_parts_of(z);
  const float scale = e.first * e.second;
  return 0.0f < z ? z : fmaf(scale, e.y, scale - 1.0f);
}
)"},
                                        {"gated", {"exp_parts"}, R"(
/* z sigmoid(v), z and v of one sign. */
static inline float @gated(float z, float v) {
  const struct @exp_parts e = @exp_parts_of(0.0f - fabsf(v));
  const float p = (1.0f + e.y) * e.first;
  const float top = v < 0.0f ? (z * p) * e.second : z;
  const float t = p * e.second;
  const float d = 1.0f + t;
  const float lost = t - (d - 1.0f);
  const float r = 1.0f / d;
  const float correction = lost * r;
  return top * fmaf(r, fmaf(0.0f - d, r, 1.0f) - correction, r);
}
)"},
                                        {"silu", {"gated"}, R"(
static inline float @silu(float z) { return @gated(z < -120.0f ? -120.0f : z, z); }
)"},
                                        {"gelu", {"gated"}, R"(
/* The tanh form. */
static inline float @gelu(float z) {
  float c = z < -14.0f ? -14.0f : z;
  c = 14.0f < c ? 14.0f : c;
  return @gated(z < -14.0f ? -14.0f : z, c * fmaf(c * c, 0x1.2444f2p-4f, 0x1.988454p+0f));
}
)"},
                                        {"softplus", {"exp", "log"}, R"(
static inline float @softplus(float z) {
  const float t = @exp(0.0f - fabsf(z));
  const float u = 1.0f + t;
  return (0.0f < z ? z : 0.0f) + (@log(u) + (t - (u - 1.0f)) / u);
}
)"}};
  return all;
}

}  // namespace

std::string c_formulas(std::span<const std::string_view> wanted) {
  std::set<std::string_view> needed(wanted.begin(), wanted.end());
  std::string text;
  // From the last one back: what a formula calls stands before it.
  for (auto formula = formulas().rbegin(); formula != formulas().rend(); ++formula) {
    if (!needed.contains(formula->name)) continue;
    needed.insert(formula->calls.begin(), formula->calls.end());
    text.insert(0, formula->text);
  }
  return text;
}

}  // namespace shoal::exporting
