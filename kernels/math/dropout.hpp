#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"
#include "kernels/math/philox.hpp"

namespace shoal::math {

/// Inverted dropout (Srivastava et al. 2014, section 10): a unit that stays is multiplied by 1 / (1 - share), so that
/// evaluation needs no factor. Element r * n_units + u of a layer is unit u of row r of the minibatch; its word is one
/// of the four of (dropout, step, layer, element / 4) under the trial's seed.
struct Dropout {
  SHOAL_HD Dropout(double share, std::uint64_t trial_seed, std::uint64_t minibatches_so_far)
      : scale(static_cast<float>(1.0 / (1.0 - share))),
        threshold(static_cast<std::uint32_t>(share * 0x1p32)),
        step(static_cast<std::uint32_t>(minibatches_so_far)),
        seed(trial_seed) {}

  /// Factors of elements 4 * quad, ..., 4 * quad + 3: 0 or the scale.
  SHOAL_HD void factors(std::uint32_t layer, std::uint32_t quad, float* four) const {
    const Words4 words = random_words(Purpose::dropout, step, layer, quad, seed);
    for (int i = 0; i < 4; ++i) four[i] = words.word[i] < threshold ? 0.0F : scale;
  }

  /// Of one element.
  SHOAL_HD float factor(std::uint32_t layer, std::uint32_t element) const {
    const Words4 words = random_words(Purpose::dropout, step, layer, element / 4, seed);
    return words.word[element % 4] < threshold ? 0.0F : scale;
  }

  float scale;
  std::uint32_t threshold, step;
  std::uint64_t seed;
};

}  // namespace shoal::math
