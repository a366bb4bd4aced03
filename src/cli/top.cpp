#include <fmt/format.h>
#include <memory>
#include <string>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/result_json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  shoal top runs/letters-1\n"
    "  shoal top runs/letters-1 -n 50 --by val_macro_f1\n"
    "  shoal top runs/vowel-1 --trials                  each fold by itself\n"
    "  shoal top runs/letters-1 --json | jq -r '.rows[0].id'";

struct TopOptions {
  std::string run;
  std::size_t n = 10;
  std::string by;
  bool trials = false;
  bool json = false;
};

/// Settings where one has several trials, folds or repeats.
bool shows_settings(const TopOptions& options) { return !options.trials && settings_have_several_trials(options.run); }

int top_settings(const TopOptions& options) {
  const SettingBoard board = setting_board(options.run, options.n, metric_by(options.by));
  if (options.json) {
    print_json(json_of(board));
    return kDone;
  }
  print(rendered(table_of(board), terminal_width(stdout)));
  print(fmt::format("{} of {} ({}), {} mean first; --trials lists trials\n", board.rows.size(),
                    counted(board.n_settings, "setting"), counted(board.n_trials, "trial"),
                    board.maximize ? "largest" : "smallest"));
  return kDone;
}

int top(const TopOptions& options) {
  if (shows_settings(options)) return top_settings(options);
  const Leaderboard board = leaderboard(options.run, options.n, metric_by(options.by));
  if (options.json) {
    print_json(json_of(board));
    return kDone;
  }
  print(rendered(table_of(board), terminal_width(stdout)));
  print(fmt::format("{} of {}, {} first\n", board.rows.size(), counted(board.n_trials, "trial"),
                    board.maximize ? "largest" : "smallest"));
  return kDone;
}

}  // namespace

void add_top(CLI::App& app, Action& action) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* command = app.add_subcommand("top", "List the best networks of a run");
  command->footer(kExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command->add_option("-n", options->n, "How many")->type_name("N")->capture_default_str();
  command->add_option("--by", options->by, "Rank by this metric instead of the run's own")->type_name("METRIC");
  command->add_flag("--trials", options->trials, "Single trials, not means over folds and repeats");
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &action] { action = [options] { return top(*options); }; });
}

}  // namespace shoal::cli
