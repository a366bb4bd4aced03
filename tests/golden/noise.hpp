#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace shoal::golden {

/// n floats in (-1, 1), the same in every language: the scripts beside this file have the same function.
inline std::vector<float> noise(std::size_t n, std::uint64_t seed) {
  std::vector<float> values;
  for (std::uint64_t k = 1; k <= n; ++k) {
    const std::uint64_t bits = (k + seed * 7919) * 2654435761U % (1ULL << 32);
    values.push_back(static_cast<float>(static_cast<double>(bits >> 9) / 4194304.0 - 1.0));
  }
  return values;
}

}  // namespace shoal::golden
