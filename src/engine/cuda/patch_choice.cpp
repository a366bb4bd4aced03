#include "engine/cuda/patch_choice.hpp"

#include <cmath>
#include <span>

namespace shoal::cuda {

namespace {

/// n pieces of work of so many instructions: the longest warp's, for which the others wait, and all warps' together.
double cost(std::uint32_t n, std::uint32_t n_threads, double instructions) {
  const std::uint32_t n_warps = n_threads / kWarpLanes;
  const double longest = std::ceil(n / static_cast<double>(n_threads));
  return (n_warps * longest + std::ceil(n / static_cast<double>(kWarpLanes))) * instructions;
}

/// cost_of(patch); sizes: from the smallest on.
template <class CostOf>
PatchSize cheapest(std::span<const PatchSize> sizes, CostOf cost_of) {
  PatchSize best = sizes.back();
  for (std::size_t i = sizes.size() - 1; i-- > 0;) {
    if (cost_of(sizes[i]) < cost_of(best)) best = sizes[i];
  }
  return best;
}

}  // namespace

void choose_patches(Layer& layer, std::uint32_t n_threads) {
  const auto of_tile = [&](std::uint32_t n_columns, std::uint32_t depth) {
    return [=](PatchSize patch) {
      return cost(
          tile_patches(n_columns, patch), n_threads,
          depth / 4.0 * instructions_of_four_terms(patch) + kAroundProduct + kOfSelection * patch.rows * patch.columns);
    };
  };
  layer.forward_patch = cheapest(ForwardPatches::all, of_tile(layer.n_out, layer.n_in));
  layer.delta_patch = cheapest(DeltaPatches::all, of_tile(layer.n_in, layer.n_out));
  layer.gradient_patch = cheapest(GradientPatches::all, [&](PatchSize patch) {
    return cost(gradient_patches(layer, patch), n_threads, kTileRows * instructions_of_row(patch) + kAroundProduct);
  });
}

}  // namespace shoal::cuda
