#pragma once

#include <memory>

#include "shoal/engine.hpp"

namespace shoal {

/// Training as docs/numerics.md defines it, in double, one network after another on the calling thread: slow, and what
/// every other engine is compared with. `dataset` outlives it.
[[nodiscard]] std::unique_ptr<Engine> make_reference_engine(const Dataset& dataset, const EngineOptions& options);
[[nodiscard]] EngineInfo reference_engine_info();

}  // namespace shoal
