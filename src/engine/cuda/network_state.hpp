#pragma once

#include "kernels/cuda/training.cuh"
#include "shoal/trial.hpp"

/// Trials as kernels know them.
namespace shoal::cuda {

[[nodiscard]] NetworkRules rules_of(const Trial& trial, bool maximize);

/// All of a state but its vectors.
[[nodiscard]] NetworkState network_state(const TrialState& state);
[[nodiscard]] TrialState trial_state(const NetworkState& network, Solver solver);

}  // namespace shoal::cuda
