#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace shoal::cli {

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kStopped = 3;

/// What a chosen command runs after its arguments are read; returns the exit code.
using Action = std::function<int()>;

/// Each adds one command to `app`, which sets `action` when it was chosen.
void add_sweep(CLI::App& app, Action& action);
void add_plan(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_ensemble(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);

}  // namespace shoal::cli
