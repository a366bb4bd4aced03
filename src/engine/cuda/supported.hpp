#pragma once

#include <cstddef>
#include <string>

#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Index into shapes() of the kernel that trains networks of this kind a thread each; shapes().size(): a block each.
[[nodiscard]] std::size_t thread_kernel_of(const GangKey& key);
[[nodiscard]] bool has_block_alone(const GangKey& key);
/// Why the engine cannot train with these options; empty if it can.
[[nodiscard]] std::string why_not(const EngineOptions& options);

}  // namespace shoal::cuda
