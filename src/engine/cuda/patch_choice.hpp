#pragma once

#include <cstdint>

#include "kernels/cuda/training.cuh"

/// Patches by which a block's threads compute a layer's products. No sum depends on them.
namespace shoal::cuda {

/// Instructions, counted in the loops of sm_90a (bench/evidence/kernel_loops.json): of four terms of all elements of a
/// patch with their loads; of a row, for a gradient's; of a row, for a bias's; and what surrounds a loop.
constexpr double instructions_of_four_terms(PatchSize patch) {
  return 4.0 * patch.rows * patch.columns + 1.6 * (patch.rows + patch.columns);
}
constexpr double instructions_of_row(PatchSize patch) {
  const std::uint32_t n_loads = (patch.rows + 3U) / 4 + patch.columns / 4U;
  return 1.0 * patch.rows * patch.columns + 2.0 * n_loads;
}
inline constexpr double kOfBiasRow = 4;
inline constexpr double kAroundProduct = 60;
inline constexpr double kOfSelection = 6;  ///< relu and its like, of an element

/// Chooses for all products of a layer those that keep a block's threads busy for the shortest time, and of such the
/// larger ones, which load less for each multiply-add.
void choose_patches(Layer& layer, std::uint32_t n_threads);

}  // namespace shoal::cuda
