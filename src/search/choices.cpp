#include "search/choices.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <set>
#include <utility>

namespace shoal::search {

double rounded(double value) {
  const std::string digits = fmt::format("{:.5e}", value);
  double out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

namespace {

/// What u in [0, 1] picks of a continuous distribution.
double rounded_value(const Axis& axis, double u) {
  double value = axis.min + u * (axis.max - axis.min);
  if (axis.distribution == Distribution::log_uniform_values) {
    value = std::exp(std::log(axis.min) + u * (std::log(axis.max) - std::log(axis.min)));
  }
  return std::clamp(rounded(value), axis.min, axis.max);
}

/// The axis with its distribution as the list of its `count` values. Both ends are as they are written.
Axis listed_evenly(Axis axis) {
  const std::uint32_t last = axis.count - 1;
  for (std::uint32_t i = 0; i < last; ++i) {
    axis.values.push_back({i == 0 ? axis.min : rounded_value(axis, static_cast<double>(i) / last)});
  }
  axis.values.push_back({axis.max});
  axis.distribution.reset();
  return axis;
}

std::string choice_text(const std::vector<ParameterValue>& choice) {
  std::string out;
  for (const ParameterValue& value : choice) out += text(value) + '\n';
  return out;
}

}  // namespace

Choices::Choices(Axis axis) : axis_(axis.count > 0 ? listed_evenly(std::move(axis)) : std::move(axis)) {
  for (const std::string& name : axis_.parameters) rules_.push_back(&parameter(name));
  if (axis_.distribution) {
    if (axis_.distribution == Distribution::int_uniform) size_ = static_cast<std::uint64_t>(axis_.max - axis_.min) + 1;
    listed_ = size_;
  } else {
    listed_ = axis_.values.size();
    std::set<std::string> seen;
    std::erase_if(axis_.values, [&](const auto& choice) { return !seen.insert(choice_text(choice)).second; });
    size_ = axis_.values.size();
  }
  // Whether a list of activations equals a word depends on the number of layers.
  const auto is_list = [](const ParameterValue& value) {
    return std::holds_alternative<std::vector<std::string>>(value);
  };
  controlling_ = axis_.parameters.size() > 1 || rules_[0]->controlling ||
                 std::ranges::any_of(axis_.values, [&](const auto& choice) { return is_list(choice[0]); });
}

void Choices::apply(std::uint64_t index, Setting& setting) const {
  if (axis_.distribution) {
    rules_[0]->set(setting, static_cast<std::int64_t>(axis_.min) + static_cast<std::int64_t>(index));
    return;
  }
  const std::vector<ParameterValue>& choice = axis_.values[index];
  for (std::size_t p = 0; p < choice.size(); ++p) rules_[p]->set(setting, choice[p]);
}

void Choices::apply_at(double u, Setting& setting) const {
  if (size_ > 0) {
    apply(std::min(static_cast<std::uint64_t>(u * static_cast<double>(size_)), size_ - 1), setting);
    return;
  }
  rules_[0]->set(setting, rounded_value(axis_, u));
}

}  // namespace shoal::search
