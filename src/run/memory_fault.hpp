#pragma once

#include <cstdint>

#include "plan/plan.hpp"
#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal::run {

/// What a sweep takes beside networks of the memory that has a limit; nothing of a device's.
struct BesideNetworks {
  std::uint64_t table_bytes = 0, trial_bytes = 0, curve_bytes = 0, waiting_bytes = 0;
};

/// Says that `gang` does not fit: under trainer.memory where the sweep sets it, else under the key that makes most of
/// the need.
[[nodiscard]] InputError memory_fault(const plan::GangTooLarge& gang, const BesideNetworks& beside,
                                      std::uint64_t memory_bytes, const SweepSpec& spec);

}  // namespace shoal::run
