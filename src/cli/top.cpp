#include <charconv>
#include <cstddef>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/result_json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "cli/watch.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kTopExamples =
    "Examples:\n"
    "  shoal top runs/letters-1\n"
    "  shoal top runs/letters-1 -n 50 --by val_macro_f1\n"
    "  shoal top runs/vowel-1 --trials                  each fold by itself\n"
    "  shoal top runs/letters-1 --watch                 again every 2 s while the run goes on\n"
    "  shoal top runs/letters-1 --json | jq -r '.rows[0].id'";

/// Seconds between two looks.
constexpr double kLongestWatch = 86400;

/// What is wrong with an interval; empty: nothing. CLI11's own ranges let `nan` through.
std::string wrong_interval(const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (is_number && seconds > 0 && seconds <= kLongestWatch) return {};
  return fmt::format("{} is not more than 0 and at most {} seconds", text.empty() ? "nothing" : text, kLongestWatch);
}

struct TopOptions {
  std::string run;
  std::size_t n = 10;
  std::string by;
  bool trials = false;
  bool json = false;
  double watch_s = 0;  ///< 0: once
};

/// Settings where one has several trials, folds or repeats.
bool shows_settings(const TopOptions& options) { return !options.trials && settings_have_several_trials(options.run); }

std::string text_of(const SettingBoard& board, std::size_t width) {
  return rendered(table_of(board), width) + fmt::format("{} of {} ({}), {} mean first; --trials lists trials\n",
                                                        board.rows.size(), counted(board.n_settings, "setting"),
                                                        counted(board.n_trials, "trial"),
                                                        board.maximize ? "largest" : "smallest");
}

std::string text_of(const Leaderboard& board, std::size_t width) {
  return rendered(table_of(board), width) + fmt::format("{} of {}, {} first\n", board.rows.size(),
                                                        counted(board.n_trials, "trial"),
                                                        board.maximize ? "largest" : "smallest");
}

int top(const TopOptions& options) {
  const auto metric = metric_by(options.by);
  const auto show = [&](const auto& board_of) {
    if (options.watch_s > 0) {
      return watch_run(options.run, options.watch_s, options.n, [&](std::size_t n_rows, std::size_t width) {
        return text_of(board_of(options.run, n_rows, metric), width);
      });
    }
    const auto board = board_of(options.run, options.n, metric);
    options.json ? print_json(cli::json_of(board)) : print(text_of(board, terminal_width(stdout)));
    return kDone;
  };
  return shows_settings(options) ? show(setting_board) : show(leaderboard);
}

}  // namespace

void add_top(CLI::App& app, Action& action) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* command = app.add_subcommand("top", "List the best networks of a run");
  command->footer(kTopExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command->add_option("-n", options->n, "How many")
      ->type_name("N")
      ->capture_default_str()
      ->check(whole_number(1, kMostWhole));
  command->add_option("--by", options->by, "Rank by this metric instead of the run's own")->type_name("METRIC");
  command->add_flag("--trials", options->trials, "Single trials, not means over folds and repeats");
  CLI::Option* json = command->add_flag("--json", options->json, "Print one JSON document");
  command
      ->add_option(
          "--watch", options->watch_s,
          "Look again every so many seconds (2) until the run has ended; exit code 1: it was killed, 3: stopped")
      ->type_name("SECONDS")
      ->expected(0, 1)
      ->default_str("2")
      ->check(wrong_interval)
      ->excludes(json);
  command->callback([options, &action] { action = [options] { return top(*options); }; });
}

}  // namespace shoal::cli
