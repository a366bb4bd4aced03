#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/trial.hpp"

/// 200 random trials of every solver, loss, activation, schedule and penalty, and one hash of what training makes of
/// them: the same for every strict engine, compiler, level of optimisation and machine.
namespace shoal::testing {

inline constexpr std::uint64_t kTrainedHash = 0xA7CE494D209C8249;

struct HashedSweep {
  Dataset data;
  std::vector<Trial> trials;
};
[[nodiscard]] std::vector<HashedSweep> hashed_sweeps();
/// Words of the definition that no trial has, each after a space: the hash would say nothing of them.
[[nodiscard]] std::string missing_from(std::span<const HashedSweep> sweeps);

using MakeEngine = std::function<std::unique_ptr<Engine>(const Dataset&)>;
/// Who else is in a trial's gang. The hash does not depend on it.
enum class Company : std::uint8_t {
  none,
  mixed  ///< of the engine's size: other rates and seeds, some that diverge, ends at all epochs, and empty places
};
/// Trains the trials to their ends, `step` epochs a call.
[[nodiscard]] std::uint64_t trained_hash(std::span<const HashedSweep> sweeps, const MakeEngine& make,
                                         std::uint32_t step, Company company = Company::none);

}  // namespace shoal::testing
