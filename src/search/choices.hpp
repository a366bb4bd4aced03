#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "search/setting.hpp"

namespace shoal::search {

/// To 6 significant digits, as every drawn number is.
[[nodiscard]] double rounded(double value);

/// The different values of an axis, by number; equal values of a list count once.
class Choices {
 public:
  explicit Choices(Axis axis);

  /// 0 for a continuous distribution.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Values as the user listed them, equal ones counted again.
  [[nodiscard]] std::uint64_t listed() const noexcept { return listed_; }
  [[nodiscard]] bool controlling() const noexcept { return controlling_; }
  [[nodiscard]] const std::vector<std::string>& parameters() const noexcept { return axis_.parameters; }
  /// The word that the axis's random numbers are keyed by.
  [[nodiscard]] std::string_view name() const {
    return axis_.parameters.size() > 1 ? std::string_view("architecture") : std::string_view(axis_.parameters[0]);
  }

  /// Writes choice `index` into the setting.
  void apply(std::uint64_t index, Setting& setting) const;
  /// Writes what u in (0, 1) picks. Numbers of a continuous distribution are rounded to 6 significant digits.
  void apply_at(double u, Setting& setting) const;

 private:
  Axis axis_;
  std::uint64_t size_ = 0;
  std::uint64_t listed_ = 0;
  bool controlling_ = false;
  std::vector<const Parameter*> rules_;
};

}  // namespace shoal::search
