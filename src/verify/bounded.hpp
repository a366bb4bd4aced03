#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

/// Every tolerance of what is verified, with its derivation. Each has a negative control in a test: an error planted on
/// purpose that must be found.
namespace shoal::verify {

/// Short runs of an fp32 engine against fp64: a running error analysis (Higham, Accuracy and Stability of Numerical
/// Algorithms, section 3.3). Every quantity of training is carried as its fp64 value and a bound on how far the fp32
/// engine's value may be from it. For an operation f with operands a and b, exact values x and y and bounds d and e:
///   |fl(f(a, b)) - f(x, y)| <= sup |f(x + d', y + e') - f(x, y)| over |d'| <= d, |e'| <= e     what operands bring
///                            + u |f(a, b)| + 2^-150                                            one rounding
/// with u = 2^-24 for + - * / sqrt and fma (IEEE), and 4 u for exp, log, tanh and sigmoid (2 ulp, an ulp being at most
/// 2 u of its number). fp64's own rounding is 2^-29 u an operation; u is widened by 2^-20 for it. A branch on z > 0
/// whose sign the bound leaves open may go either way. Nothing is fitted to what an engine does.
inline constexpr double kFloatRounding = 0x1p-24 * (1 + 0x1p-20);
inline constexpr double kFunctionRounding = 4 * kFloatRounding;

struct Bounded {
  double value = 0;
  double error = 0;
};

/// `brought`: what the operands bring; `unit`: the relative rounding error of the operation.
inline Bounded rounded(double value, double brought, double unit = kFloatRounding) {
  if (value == 0 && brought == 0) return {0, 0};  // a zero is never rounded
  // Infinite bounds make NaN of 0 * Inf or of a log below 0: anything is possible then.
  if (!std::isfinite(brought)) return {value, std::numeric_limits<double>::infinity()};
  return {value, brought + unit * (std::abs(value) + brought) + 0x1p-148};
}
/// A number that the engine holds rounded to float.
inline Bounded constant(double value) { return rounded(value, 0); }
inline Bounded exact(double value) { return {value, 0}; }

inline Bounded operator+(Bounded a, Bounded b) { return rounded(a.value + b.value, a.error + b.error); }
inline Bounded operator-(Bounded a) { return {-a.value, a.error}; }
inline Bounded operator-(Bounded a, Bounded b) { return a + -b; }
inline double product_error(Bounded a, Bounded b) {
  return std::abs(a.value) * b.error + std::abs(b.value) * a.error + a.error * b.error;
}
inline Bounded operator*(Bounded a, Bounded b) { return rounded(a.value * b.value, product_error(a, b)); }
inline Bounded fma(Bounded a, Bounded b, Bounded c) {
  // Fused here too: what fp64 loses where a * b and c cancel would be more than the engine may.
  return rounded(std::fma(a.value, b.value, c.value), product_error(a, b) + c.error);
}
inline Bounded operator/(Bounded a, Bounded b) {
  const double value = a.value / b.value;
  const double least = std::abs(b.value) - b.error;
  if (!(least > 0)) return {value, std::numeric_limits<double>::infinity()};
  return rounded(value, (a.error + std::abs(value) * b.error) / least);
}

/// A monotonic function: its change over [value - error, value + error] is the larger of the changes at both ends.
template <class F>
Bounded monotonic(F f, Bounded x, double unit) {
  const double value = f(x.value);
  const double above = std::abs(f(x.value + x.error) - value);
  const double below = std::abs(value - f(x.value - x.error));
  return rounded(value, std::max(above, below), unit);
}
inline Bounded sqrt(Bounded x) {
  return monotonic([](double v) { return std::sqrt(std::max(v, 0.0)); }, x, kFloatRounding);
}
inline Bounded exp(Bounded x) {
  return monotonic([](double v) { return std::exp(v); }, x, kFunctionRounding);
}
inline Bounded log(Bounded x) {
  return monotonic([](double v) { return std::log(v); }, x, kFunctionRounding);
}
inline Bounded tanh(Bounded x) {
  return monotonic([](double v) { return std::tanh(v); }, x, kFunctionRounding);
}
inline Bounded sigmoid(Bounded x) {
  return monotonic([](double v) { return 1 / (1 + std::exp(-v)); }, x, kFunctionRounding);
}
/// A function whose derivative is at most `steepest` everywhere.
inline Bounded smooth(double value, Bounded x, double steepest, double unit) {
  return rounded(value, steepest * x.error, unit);
}
inline Bounded absolute(Bounded x) { return {std::abs(x.value), x.error}; }
/// The engine takes one of its own two values; both choices are possible where the sign of z is open.
inline Bounded select_positive(Bounded z, Bounded if_positive, Bounded otherwise) {
  const Bounded chosen = z.value > 0 ? if_positive : otherwise;
  if (std::abs(z.value) > z.error || z.error == 0) return chosen;
  const Bounded other = z.value > 0 ? otherwise : if_positive;
  return {chosen.value, std::max(chosen.error, std::abs(other.value - chosen.value) + other.error)};
}

/// How an engine makes the elements of matrix products. In a fixed order: one accumulator, ascending, fused. In any
/// order: sum a_i b_i of n terms, operands rounded by `input` relative each, is off by at most
///   (2 input + input^2) sum |a_i b_i| + n sum_rounding / (1 - n sum_rounding) sum |a_i b_i|
/// whatever the order and the tree (Higham, equations 3.5 and 4.4, products exact or fused).
struct Products {
  bool fixed_order = true;
  double input = 0;
  double sum_rounding = kFloatRounding;
};
inline constexpr Products kStrictProducts{};
inline constexpr Products kFp32Products{false, 0, kFloatRounding};
/// Tensor cores keep 10 bits behind the leading one of an operand, cut off or rounded, and cut sums off (Fasi et al.
/// 2021, Numerical behavior of NVIDIA tensor cores): no more than 4 u an addition.
inline constexpr Products kTf32Products{false, 0x1p-10, 4 * kFloatRounding};
/// Operands are rounded to nearest, 7 bits behind the leading one.
inline constexpr Products kBf16Products{false, 0x1p-8, 4 * kFloatRounding};

/// An element of a product on its way.
class ProductSum {
 public:
  explicit ProductSum(const Products& products) : products_(&products) {}
  /// A bias: added first in a fixed order, else one more product with the column of ones.
  ProductSum(const Products& products, Bounded bias) : products_(&products) {
    if (products.fixed_order) {
      sum_ = bias;
    } else {
      add(bias, exact(1));
    }
  }

  void add(Bounded a, Bounded b) {
    if (products_->fixed_order) {
      sum_ = fma(a, b, sum_);
      return;
    }
    sum_ = {std::fma(a.value, b.value, sum_.value), sum_.error + product_error(a, b)};
    magnitude_ += (std::abs(a.value) + a.error) * (std::abs(b.value) + b.error);
    ++n_terms_;
  }
  [[nodiscard]] Bounded value() const {
    if (products_->fixed_order || magnitude_ == 0) return sum_;
    const double n = n_terms_ * products_->sum_rounding;
    const double relative = products_->input * (2 + products_->input) + n / (1 - n);
    const double error = sum_.error + relative * magnitude_ + n_terms_ * 0x1p-148;
    return {sum_.value, std::isfinite(error) ? error : std::numeric_limits<double>::infinity()};
  }

 private:
  const Products* products_;
  Bounded sum_;
  double magnitude_ = 0;  ///< sum |a b|
  double n_terms_ = 0;
};

}  // namespace shoal::verify
