#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace shoal::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kWrongUse = 2, kStopped = 3 };

/// What a chosen command runs after its arguments are read; returns the exit code.
using Action = std::function<int()>;

/// Each adds one command to `app`, which sets `action` when it was chosen.
void add_sweep(CLI::App& app, Action& action);
void add_plan(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);

}  // namespace shoal::cli
