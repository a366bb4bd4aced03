#pragma once

#include "engine/definition.hpp"
#include "kernels/math/epoch_decision.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

[[nodiscard]] math::EpochRules epoch_rules(const Hyperparameters& h, const EngineOptions& options);

/// Takes the validation rows' sums into the record of an epoch whose training sums it holds.
void add_validation(EpochRecord& record, const MetricSums& validation, const EngineOptions& options, Task task);

/// The decisions at an epoch's end (docs/numerics.md), made in `state`. finite: all parameters and optimizer states
/// are.
math::EpochDecision end_epoch(TrialState& state, const math::EpochRules& rules, const EpochRecord& record, bool finite);

}  // namespace shoal::cpu
