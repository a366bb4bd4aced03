#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace shoal::math {

/// What random numbers are drawn for: the first word of every counter. The numbers are part of the definition.
enum class Purpose : std::uint32_t { init = 0, shuffle = 1, dropout = 2, split = 3, search = 4 };

struct Words4 {
  std::uint32_t word[4];
};

/// Philox4x32-10: four random words for a counter under a 64-bit key.
/// Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
SHOAL_HD Words4 philox4x32(Words4 counter, std::uint64_t key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
  constexpr int kRounds = 10;
  auto key0 = static_cast<std::uint32_t>(key);
  auto key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter.word[0];
    const std::uint64_t product1 = kMultiplier1 * counter.word[2];
    counter = {
        {static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(product0)}};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

/// The words of (purpose, epoch or step, layer, element).
SHOAL_HD Words4 random_words(Purpose purpose, std::uint32_t step, std::uint32_t layer, std::uint32_t element,
                             std::uint64_t seed) {
  return philox4x32({{static_cast<std::uint32_t>(purpose), step, layer, element}}, seed);
}

/// A double in the open interval (0, 1) from 53 bits of two words, each value at the middle of its step.
SHOAL_HD double open_unit(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits =
      ((static_cast<std::uint64_t>(high) << 32) | low) >> 12;  // 52 bits: the half below fits as well
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace shoal::math
