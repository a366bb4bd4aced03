#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"
#include "kernels/math/philox.hpp"

namespace shoal::math {

/// Below this many rows an epoch's order is a Fisher-Yates shuffle of one table; from here on it is computed at any
/// index.
inline constexpr std::uint32_t kSmallestFeistel = 256;

/// The rows of one epoch in their order, as a bijection of [0, n) for n >= kSmallestFeistel: a Feistel network over the
/// mixed radix (n_left, n_right), n_left * n_right >= n, walked until it lands inside. About one step in the mean,
/// since n_left * n_right - n < n_left. Black & Rogaway 2002, "Ciphers with arbitrary finite domains".
class EpochPermutation {
 public:
  SHOAL_HD EpochPermutation(std::uint32_t n, std::uint64_t shuffle_seed, std::uint32_t epoch) : n_(n), n_left_(1) {
    while (static_cast<std::uint64_t>(n_left_) * n_left_ < n) ++n_left_;
    n_right_ = (n + n_left_ - 1) / n_left_;
    for (std::uint32_t i = 0; i < kRounds / 2; ++i) {
      const Words4 words = random_words(Purpose::shuffle, epoch, 0, i, shuffle_seed);
      for (int j = 0; j < 4; ++j) key_[4 * i + static_cast<std::uint32_t>(j)] = words.word[j];
    }
  }

  /// The row at `position`, both in [0, n).
  SHOAL_HD std::uint32_t operator()(std::uint32_t position) const {
    std::uint32_t x = position;
    do {
      std::uint32_t left = x / n_right_;
      std::uint32_t right = x - left * n_right_;
      for (std::uint32_t round = 0; round < kRounds; round += 2) {
        left = added(left, mixed(right, round), n_left_);
        right = added(right, mixed(left, round + 1), n_right_);
      }
      x = left * n_right_ + right;
    } while (x >= n_);
    return x;
  }

 private:
  static constexpr std::uint32_t kRounds = 8;

  /// A keyed hash of `value`; the multiply-xorshift constants are those of MurmurHash3's finaliser.
  SHOAL_HD std::uint32_t mixed(std::uint32_t value, std::uint32_t round) const {
    std::uint32_t h = value ^ key_[2 * round];
    h ^= h >> 16;
    h *= 0x85EBCA6BU;
    h ^= (h >> 13) ^ key_[2 * round + 1];
    h *= 0xC2B2AE35U;
    h ^= h >> 16;
    return h;
  }

  /// (value + hash) mod modulus, the hash first brought into [0, modulus) by the high half of a product.
  SHOAL_HD static std::uint32_t added(std::uint32_t value, std::uint32_t hash, std::uint32_t modulus) {
    const auto offset = static_cast<std::uint32_t>((static_cast<std::uint64_t>(hash) * modulus) >> 32);
    const std::uint32_t sum = value + offset;
    return sum >= modulus ? sum - modulus : sum;
  }

  std::uint32_t n_;
  std::uint32_t n_left_;
  std::uint32_t n_right_;
  std::uint32_t key_[2 * kRounds];
};

/// Fills order[0, n) with the rows of one epoch in their order, n < kSmallestFeistel: Fisher-Yates from the end, with
/// one Philox word a step.
SHOAL_HD void shuffle_few(std::uint32_t* order, std::uint32_t n, std::uint64_t shuffle_seed, std::uint32_t epoch) {
  for (std::uint32_t i = 0; i < n; ++i) order[i] = i;
  for (std::uint32_t i = n; i > 1; --i) {
    const Words4 words = random_words(Purpose::shuffle, epoch, 0, i, shuffle_seed);
    const auto j = static_cast<std::uint32_t>((static_cast<std::uint64_t>(words.word[0]) * i) >> 32);
    const std::uint32_t kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
  }
}

}  // namespace shoal::math
