#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cpu/minibatch.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// Engine::predict and Engine::pass, by the kernels of core_per_network.
[[nodiscard]] std::vector<float> predict(Minibatch& minibatch, const Trial& trial, std::span<const float> parameters,
                                         std::span<const float> inputs);
[[nodiscard]] Pass pass(const Dataset& dataset, Minibatch& minibatch, const Trial& trial,
                        std::span<const float> parameters, std::span<const std::uint32_t> rows);

}  // namespace shoal::cpu
