#pragma once

#include <stop_token>

#include "bench/placement.hpp"
#include "bench/workload.hpp"
#include "shoal/bench.hpp"
#include "shoal/engine.hpp"

namespace shoal::bench {

/// The first epoch of some of the workload's networks, which `engine` trains in company with `all`, against the same
/// networks trained alone by engine cpu: their bits in strict precision, else their training losses.
[[nodiscard]] BenchCheck check_against_cpu(const Workload& workload, const Dataset& data, Precision precision,
                                           Engine& engine, const Placement& all, const std::stop_token& stop);

/// What the first minibatches of a short epoch change in parameters of a few of the networks, engine cpu's against the
/// reference's, which computes in double and shares no code with it.
[[nodiscard]] BenchCheck check_against_reference(const Workload& workload, const std::stop_token& stop);

}  // namespace shoal::bench
