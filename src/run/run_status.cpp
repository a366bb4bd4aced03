#include "shoal/run.hpp"
#include "store/claim.hpp"
#include "store/run_directory.hpp"
#include "store/run_state.hpp"

namespace shoal {

RunStatus run_status(const std::filesystem::path& run) {
  const bool was_claimed = store::is_claimed(run);
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Totals totals = directory.totals();
  return {.state = store::run_state(directory.manifest().status, was_claimed, run),
          .n_trials = directory.manifest().n_trials,
          .n_done = totals.n_trials,
          .n_diverged = totals.n_diverged,
          .n_pruned = totals.n_pruned};
}

}  // namespace shoal
