#include "shoal/ensemble.hpp"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kEnsembleExamples =
    "Examples:\n"
    "  shoal ensemble runs/letters-1\n"
    "  shoal ensemble runs/letters-1 --size 50 --by val_loss\n"
    "  shoal predict runs/letters-1 --trial ensemble --data new.csv\n\n"
    "Adds, step by step, the stored network with which the average is best on the validation rows (Caruana et al.\n"
    "2004), the same one again if need be. Where a sweep has folds, networks of the best one's fold are chosen from.";

struct EnsembleArguments {
  std::string run, by;
  EnsembleOptions selection;
  bool json = false;
};

nlohmann::ordered_json json_of(const Ensemble& ensemble) {
  nlohmann::ordered_json members = nlohmann::ordered_json::array();
  for (const Ensemble::Member& member : ensemble.members) {
    members.push_back({{"id", member.id}, {"times", member.times}, {"weight", member.weight}});
  }
  return {{"metric", name(ensemble.metric)},
          {"goal", ensemble.maximize ? "maximize" : "minimize"},
          {"value", ensemble.value},
          {"best_single", {{"id", ensemble.best_id}, {"value", ensemble.best_value}}},
          {"fold", ensemble.fold},
          {"n_rows", ensemble.n_rows},
          {"n_candidates", ensemble.n_candidates},
          {"n_other_folds", ensemble.n_other_folds},
          {"members", members},
          {"out", ensemble.file.string()}};
}

void print_text(const Ensemble& ensemble, const EnsembleArguments& arguments) {
  Table table{{{"id"}, {"weight", true}}, {}};
  for (const Ensemble::Member& member : ensemble.members) {
    table.rows.push_back({member.id, fmt::format("{}/{}", member.times, ensemble.n_choices)});
  }
  print(rendered(table, terminal_width(stdout)));
  const double gain = ensemble.maximize ? ensemble.value - ensemble.best_value : ensemble.best_value - ensemble.value;
  print(fmt::format("{} {}, {} better than the best single network ({}: {})\n", name(ensemble.metric),
                    metric_text(ensemble.value), metric_text(gain), ensemble.best_id,
                    metric_text(ensemble.best_value)));
  print(fmt::format("the {} that this is measured on also chose the ensemble: on others it is less good\n",
                    counted(ensemble.n_rows, "validation row")));
  if (ensemble.n_other_folds > 0) {
    print(fmt::format("chosen among {} of fold {}; {} of other folds left out, which were trained on these rows\n",
                      counted(ensemble.n_candidates, "network"), ensemble.fold,
                      counted(ensemble.n_other_folds, "network")));
  }
  const std::string use = fmt::format("; use it by `shoal predict {} --trial ensemble`", shell_quoted(arguments.run));
  print(fmt::format("written to {}{}\n", ensemble.file.string(), arguments.selection.out.empty() ? use : ""));
}

int ensemble(EnsembleArguments& arguments) {
  arguments.selection.metric = metric_by(arguments.by);
  check_out(arguments.run, arguments.selection.out.string());
  const Ensemble selected = select_ensemble(arguments.run, arguments.selection);
  if (arguments.json) {
    print_json(json_of(selected));
  } else {
    print_text(selected, arguments);
  }
  return kDone;
}

}  // namespace

void add_ensemble(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<EnsembleArguments>();
  CLI::App* command = app.add_subcommand("ensemble", "Choose stored networks whose average is best");
  command->footer(kEnsembleExamples);
  command->add_option("DIR", arguments->run, "The run directory")->required();
  command->add_option("--size", arguments->selection.size, "Choices at most")
      ->type_name("N")
      ->check(whole_number(1, 100000))
      ->capture_default_str();
  command->add_option("--by", arguments->by, "Choose by this metric instead of the run's own")->type_name("METRIC");
  command->add_option("-o,--out", arguments->selection.out, "Write it here; default: where predict looks for it")
      ->type_name("FILE")
      ->check(empty_path);
  command->add_flag("--json", arguments->json, "Print one JSON document");
  command->callback([arguments, &action] { action = [arguments] { return ensemble(*arguments); }; });
}

}  // namespace shoal::cli
