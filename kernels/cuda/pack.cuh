#pragma once

#include <cstdint>

#include "kernels/cuda/device.hpp"

namespace shoal::cuda {

/// N elements, loaded and stored at once.
template <std::uint32_t N, class T = float>
struct alignas(N * sizeof(T)) Pack {
  T x[N];
};
template <std::uint32_t N, class T>
SHOAL_DEVICE Pack<N, T> load(const T* at) {
  expect_aligned(at, sizeof(Pack<N, T>));
  return *reinterpret_cast<const Pack<N, T>*>(at);
}
template <std::uint32_t N, class T>
SHOAL_DEVICE void store(T* at, const Pack<N, T>& pack) {
  expect_aligned(at, sizeof(Pack<N, T>));
  *reinterpret_cast<Pack<N, T>*>(at) = pack;
}

}  // namespace shoal::cuda
