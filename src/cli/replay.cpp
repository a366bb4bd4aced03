#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kReplayExamples =
    "Examples:\n"
    "  shoal replay runs/letters-1 --trial best\n"
    "  shoal replay runs/letters-1 --trial 3fa9c1 --engine reference --json\n\n"
    "Call it where `shoal sweep` was called: paths are those of the sweep file. In precision strict every engine but\n"
    "reference gives the bits that are stored. Exit codes: 0 equal, 1 not.";

struct ReplayOptions {
  std::string run, trial, engine;
  std::optional<std::uint32_t> threads;
  bool json = false;
};

int replay_trial(const ReplayOptions& options) {
  std::vector<std::string> overrides;
  if (!options.engine.empty()) overrides.push_back("trainer.engine=" + options.engine);
  if (options.threads) overrides.push_back("trainer.threads=" + std::to_string(*options.threads));
  const Replay found = replay(sweep_of(options.run, overrides), options.run, options.trial);
  const bool equal = found.n_different == 0;
  if (options.json) {
    print_json({{"id", found.id},
                {"ancestor", found.ancestor},
                {"segments", found.n_segments},
                {"epochs", found.epochs},
                {"parameters", found.n_parameters},
                {"different", found.n_different},
                {"equal", equal}});
  } else {
    print(fmt::format("{}: {} in {} from the initial parameters of {}: {}\n", found.id, counted(found.epochs, "epoch"),
                      counted(found.n_segments, "segment"), found.ancestor,
                      equal ? "the bits that are stored"
                            : fmt::format("{} of {} are not what is stored", found.n_different,
                                          counted(found.n_parameters, "parameter"))));
  }
  return equal ? kDone : kFailed;
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Train one stored network again, alone, and compare the bits");
  command->footer(kReplayExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command->add_option("--trial", options->trial, "An id or its beginning, or best")->required()->type_name("ID|best");
  command->add_option("--engine", options->engine, "Train with this engine instead of the sweep's")->type_name("E");
  command->add_option("--threads", options->threads, "Same as trainer.threads=N; default: the sweep's")
      ->type_name("N")
      ->check(whole_number(1, kMostThreads));
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &action] { action = [options] { return replay_trial(*options); }; });
}

}  // namespace shoal::cli
