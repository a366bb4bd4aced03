#pragma once

#include <filesystem>
#include <string>

#include "shoal/run.hpp"

namespace shoal::store {

/// How the run in a directory stands by the status in its manifest. was_claimed: is_claimed() before that was read; a
/// run says its last word there before it lets go.
[[nodiscard]] RunState run_state(const std::string& status, bool was_claimed, const std::filesystem::path& directory);

}  // namespace shoal::store
