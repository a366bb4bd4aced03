#pragma once

#include <cstdint>

#include "engine/cuda/network_shape.hpp"

/// What training is predicted to take on an H200; docs/decisions/block-per-network.md says where the numbers are from.
/// They decide which network begins first and after how many epochs the host is heard, never a result.
namespace shoal::cuda {

/// Instructions of warps.
struct Work {
  double longest = 0;  ///< of the warp that has most to do
  double all = 0;      ///< of all warps of the block
};

/// Rows of an epoch.
struct EpochRows {
  std::uint32_t n_training = 0, n_validation = 0;
  std::uint32_t batch = 1;
};

/// An epoch of a network that has a block alone.
[[nodiscard]] Work block_epoch(const NetworkShape& shape, const EpochRows& rows);
/// An epoch of n_networks of a block that have a thread each.
[[nodiscard]] Work thread_epoch(std::uint32_t n_parameters, std::uint32_t n_networks, const EpochRows& rows);

/// Seconds that a warp takes for instructions while others keep its multiprocessor busy.
[[nodiscard]] double seconds_of_warp(double instructions);
/// Seconds that the whole GPU takes for those of many blocks.
[[nodiscard]] double seconds_of_gpu(double instructions);

/// What a launch is meant to take, so that a stop is heard and progress is told.
inline constexpr double kSecondsOfLaunch = 0.2;
/// Epochs of one that take epoch_seconds each, at least one.
[[nodiscard]] std::uint32_t epochs_in_launch(double epoch_seconds);

}  // namespace shoal::cuda
