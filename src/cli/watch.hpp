#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace shoal::cli {

/// Lines about a run of which `n_rows` are of a table, in the width of stdout (0: any).
using Board = std::function<std::string(std::size_t n_rows, std::size_t width)>;

/// Shows how a run stands and its board until it has ended or a signal comes: drawn anew in place every `every_s`
/// seconds on a terminal, elsewhere printed when it has changed. Returns the exit code: kDone, kStopped where the run
/// or its watcher was stopped, kFailed where the run was killed.
[[nodiscard]] int watch_run(const std::filesystem::path& run, double every_s, std::size_t n_rows, const Board& board);

}  // namespace shoal::cli
