#pragma once

#include <cstddef>
#include <cstdint>

namespace shoal::cuda {

/// Shared memory that the device at hand gives a block that asks for it.
[[nodiscard]] std::size_t most_shared_bytes();
/// What each of as many blocks of n_threads as have registers can have at the same time.
[[nodiscard]] std::size_t shared_bytes_beside(std::uint32_t n_threads);
/// Whether the device's take tf32 and bf16 (compute capability 8.0).
[[nodiscard]] bool has_tensor_cores();

}  // namespace shoal::cuda
