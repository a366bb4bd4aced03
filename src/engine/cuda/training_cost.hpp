#pragma once

#include <cstdint>

#include "engine/cuda/network_shape.hpp"
#include "engine/definition.hpp"
#include "shoal/costs.hpp"

/// What training is predicted to take on a GPU: instructions, multiply-adds and bytes are counted here, CudaCosts says
/// what one takes (docs/decisions/cost-model.md). It decides which kernel trains a gang, which network begins first and
/// after how many epochs the host is heard, never a result.
namespace shoal::cuda {

/// Seconds of an epoch on the device.
struct EpochSeconds {
  double full = 0;   ///< of a GPU that others keep busy as well
  double alone = 0;  ///< at least, from the beginning of its longest warp to the end
};

/// Of a network that has a block alone.
[[nodiscard]] EpochSeconds block_epoch(const CudaCosts& costs, const NetworkShape& shape, Solver solver,
                                       const EpochRows& rows);
/// Of n_networks that have a thread each.
[[nodiscard]] EpochSeconds thread_epoch(const CudaCosts& costs, const GangKey& key, std::uint32_t n_networks,
                                        const EpochRows& rows);
/// Of n_networks that are trained layer by layer; the launches are those of all networks of their cohort.
[[nodiscard]] EpochSeconds layers_epoch(const CudaCosts& costs, const Topology& topology, Precision precision,
                                        std::uint32_t n_networks, const EpochRows& rows);

/// What a launch is meant to take, so that a stop is heard and progress is told.
inline constexpr double kSecondsOfLaunch = 0.2;
/// Epochs of one that take epoch_seconds each, at least one.
[[nodiscard]] std::uint32_t epochs_in_launch(double epoch_seconds);

}  // namespace shoal::cuda
