#pragma once

#include <string>

namespace shoal::cli {

/// Measures what an engine's kernels cost here, keeps it for later runs and prints it beside what is shipped. The exit
/// code.
int run_calibration(const std::string& engine, bool json);

}  // namespace shoal::cli
