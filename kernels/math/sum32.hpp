#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace shoal::math {

inline constexpr std::uint32_t kPartials = 32;

/// The last step of a strict sum: partial k, at k * stride, holds elements k, k + 32, ... added in ascending order.
/// Overwrites partials.
template <class T>
SHOAL_HD T combine_partials(T* partials, std::uint32_t stride = 1) {
  for (std::uint32_t half = kPartials / 2; half > 0; half /= 2) {
    for (std::uint32_t k = 0; k < half; ++k) partials[k * stride] += partials[(k + half) * stride];
  }
  return partials[0];
}

/// A strict sum of doubles that arrive one at a time in canonical order.
class Sum32 {
 public:
  SHOAL_HD void add(double value) {
    partials_[n_ % kPartials] += value;
    ++n_;
  }
  SHOAL_HD double total() const {
    double partials[kPartials];
    for (std::uint32_t k = 0; k < kPartials; ++k) partials[k] = partials_[k];
    return combine_partials(partials);
  }

 private:
  double partials_[kPartials] = {};
  std::uint32_t n_ = 0;
};

}  // namespace shoal::math
