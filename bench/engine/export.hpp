#pragma once

#include <filesystem>

#include "bench/workload.hpp"

namespace shoal::bench {

/// Writes what another program needs to train the same networks into `folder`: raw little-endian arrays, and
/// manifest.json that describes them.
void export_workload(const Workload& workload, const std::filesystem::path& folder);

}  // namespace shoal::bench
