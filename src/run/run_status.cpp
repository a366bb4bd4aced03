#include "shoal/run.hpp"
#include "store/claim.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// A run says its last word in the manifest before it lets go of its directory, so that is looked at first.
RunState state_of(const std::string& status, bool was_claimed, const std::filesystem::path& run) {
  if (status == "done") return RunState::done;
  if (was_claimed) return RunState::running;
  if (status == "interrupted") return RunState::stopped;
  // One that began in between is not dead.
  return store::is_claimed(run) ? RunState::running : RunState::killed;
}

}  // namespace

RunStatus run_status(const std::filesystem::path& run) {
  const bool was_claimed = store::is_claimed(run);
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Totals totals = directory.totals();
  return {.state = state_of(directory.manifest().status, was_claimed, run),
          .n_trials = directory.manifest().n_trials,
          .n_done = totals.n_trials,
          .n_diverged = totals.n_diverged,
          .n_pruned = totals.n_pruned};
}

}  // namespace shoal
