#include "plan/waiting.hpp"

#include "shoal/run.hpp"

namespace shoal::plan {

std::uint64_t waiting_bytes(const Trial& trial, std::uint32_t n_epochs) {
  const Hyperparameters& h = trial.hyperparameters;
  const int n_copies =
      1 + (has_first_moment(h) ? 1 : 0) + (has_second_moment(h.solver) ? 1 : 0) + (has_patience(h) ? 1 : 0);
  return trial.topology.n_parameters() * static_cast<std::uint64_t>(n_copies) * sizeof(float) +
         n_epochs * sizeof(CurvePoint);
}

void Waiting::add(std::uint64_t trial_bytes) {
  largest_.push(trial_bytes);
  bytes_ += trial_bytes;
  if (largest_.size() <= n_most_) return;
  bytes_ -= largest_.top();
  largest_.pop();
}

}  // namespace shoal::plan
