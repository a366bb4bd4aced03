#include "store/run_state.hpp"

#include "store/claim.hpp"

namespace shoal::store {

RunState run_state(const std::string& status, bool was_claimed, const std::filesystem::path& directory) {
  if (status == "done") return RunState::done;
  if (was_claimed) return RunState::running;
  if (status == "interrupted") return RunState::stopped;
  // One that began in between is not dead.
  return is_claimed(directory) ? RunState::running : RunState::killed;
}

}  // namespace shoal::store
