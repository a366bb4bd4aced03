#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace shoal::cuda {

/// Divides by a number that the host knows, with a multiplication and a shift as Divisor of training.cuh does, but
/// exactly for all that kernels of cohorts count. Granlund & Montgomery 1994, theorem 4.2.
class WideDivisor {
 public:
  constexpr WideDivisor() = default;
  /// by: at least 1, at most 2^31.
  constexpr explicit WideDivisor(std::uint32_t by) : by_(by) {
    while ((std::uint64_t{1} << (shift_ - kBits)) < by) ++shift_;
    multiplier_ = static_cast<std::uint32_t>(((std::uint64_t{1} << shift_) + by - 1) / by);
  }

  struct Split {
    std::uint32_t quotient, remainder;
  };
  /// n: below 2^31.
  [[nodiscard]] SHOAL_HD constexpr Split split(std::uint32_t n) const {
    const auto quotient = static_cast<std::uint32_t>((std::uint64_t{n} * multiplier_) >> shift_);
    return {quotient, n - quotient * by_};
  }

 private:
  static constexpr std::uint32_t kBits = 31;  ///< of what is divided
  std::uint32_t by_ = 1, multiplier_ = 1U << kBits, shift_ = kBits;
};

}  // namespace shoal::cuda
