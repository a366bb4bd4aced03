#include "store/curve_json.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

namespace shoal::store {
namespace {

constexpr std::string_view kInfinity = "9e999";  // SQLite and Python read it as such
constexpr std::string_view kNone = "null";
constexpr std::size_t kDigits = 32;  // of any number in its shortest form

template <class Number>
void append_digits(std::string& text, Number number) {
  std::array<char, kDigits> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  text.append(digits.data(), written.ptr);
}

void append_loss(std::string& text, double value) {
  text += ',';
  if (std::isnan(value)) {
    text += kNone;
  } else if (std::isinf(value)) {
    text += value < 0 ? "-" : "";
    text += kInfinity;
  } else {
    append_digits(text, value);
  }
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}

/// The number at the beginning of the text, which is then behind it.
double take_loss(std::string_view& text) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (text.starts_with(kNone)) {
    text.remove_prefix(kNone.size());
    return value;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = std::numeric_limits<double>::infinity() * (text.starts_with('-') ? -1 : 1);
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// Whether the text begins with it, which it then does no longer.
bool take(std::string_view& text, char mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string curve_to_json(std::span<const CurvePoint> curve) {
  std::string text = "[";
  for (const CurvePoint& point : curve) {
    text += text.size() > 1 ? ",[" : "[";
    append_digits(text, point.epoch);
    append_loss(text, point.train_loss);
    append_loss(text, point.val_loss);
    if (!same(point.metric, point.val_loss)) append_loss(text, point.metric);
    text += ']';
  }
  return text + ']';
}

std::vector<CurvePoint> curve_from_json(std::string_view text) {
  std::vector<CurvePoint> curve;
  take(text, '[');
  while (take(text, '[')) {
    CurvePoint& point = curve.emplace_back();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), point.epoch);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    take(text, ',');
    point.train_loss = take_loss(text);
    take(text, ',');
    point.val_loss = take_loss(text);
    point.metric = take(text, ',') ? take_loss(text) : point.val_loss;
    take(text, ']');
    take(text, ',');
  }
  return curve;
}

}  // namespace shoal::store
