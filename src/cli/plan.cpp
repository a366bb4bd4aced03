#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kPlanExamples =
    "Examples:\n"
    "  shoal plan letters.yaml\n"
    "  shoal plan letters.yaml run_cap=100000 trainer.memory=2GiB\n"
    "  shoal plan letters.yaml --json";

struct PlanOptions {
  SweepArguments sweep;
  bool json = false;
};

/// `core 5.1 s, block 7.0 s`: short, so that a table stays readable.
std::string others_text(const PlanRow& row) {
  std::string text;
  for (const PredictedKernel& other : row.others) {
    const std::string word = other.kernel.substr(0, other.kernel.find("_per_network"));
    text += (text.empty() ? "" : ", ") + word + " " + duration(other.predicted_s);
  }
  return text;
}

void print_plan(const PlanSummary& plan) {
  print(fmt::format("engine    {}{}, precision {}\n", plan.engine,
                    plan.engine_reason.empty() ? "" : " (" + plan.engine_reason + ")", name(plan.precision)));
  print(fmt::format("trials    {} of {}{}\n", plan.n_trials, counted(plan.n_settings, "setting"),
                    plan.n_merged > 0 ? fmt::format(", {} merged as equal", plan.n_merged) : ""));
  if (!plan.dropped_parameters.empty()) {
    print(fmt::format("dropped   {} (where a setting does not use them)\n", fmt::join(plan.dropped_parameters, ", ")));
  }
  print(fmt::format("memory    {} of {}{}, {}\n", bytes(plan.predicted_bytes), bytes(plan.memory_bytes),
                    plan.on_device ? " on the GPU" : "", counted(plan.n_chunks, "chunk")));
  print(fmt::format("work      {} network-samples, about {}\n", si(static_cast<double>(plan.network_samples)),
                    duration(plan.estimated_s)));
  print("costs     " + plan.costs + "\n");
  for (const std::string& note : plan.notes) print("note      " + note + '\n');
  Table table;
  table.columns = {{"network", false}, {"kernel", false}, {"time", true},   {"trials", true},
                   {"gangs", true},    {"params", true},  {"memory", true}, {"else", false}};
  for (const PlanRow& row : plan.rows) {
    table.rows.push_back({row.topology, row.kernel, duration(row.predicted_s), std::to_string(row.n_trials),
                          std::to_string(row.n_gangs), std::to_string(row.n_parameters), bytes(row.bytes),
                          others_text(row)});
  }
  print("\n" + rendered(table, 0));
}

nlohmann::ordered_json json_of(const PlanSummary& plan) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const PlanRow& row : plan.rows) {
    nlohmann::ordered_json others = nlohmann::ordered_json::array();
    for (const PredictedKernel& other : row.others) {
      others.push_back({{"kernel", other.kernel}, {"predicted_s", other.predicted_s}});
    }
    rows.push_back({{"topology", row.topology},
                    {"kernel", row.kernel},
                    {"predicted_s", row.predicted_s},
                    {"others", others},
                    {"n_trials", row.n_trials},
                    {"n_gangs", row.n_gangs},
                    {"n_parameters", row.n_parameters},
                    {"bytes", row.bytes}});
  }
  return {{"engine", plan.engine},
          {"engine_reason", plan.engine_reason},
          {"precision", name(plan.precision)},
          {"n_settings", plan.n_settings},
          {"n_trials", plan.n_trials},
          {"n_merged", plan.n_merged},
          {"dropped_parameters", plan.dropped_parameters},
          {"notes", plan.notes},
          {"rows", rows},
          {"n_chunks", plan.n_chunks},
          {"on_device", plan.on_device},
          {"memory_bytes", plan.memory_bytes},
          {"predicted_bytes", plan.predicted_bytes},
          {"network_samples", plan.network_samples},
          {"costs", plan.costs},
          {"estimated_s", plan.estimated_s}};
}

int plan(const PlanOptions& options) {
  const PlanSummary summary = plan_sweep(options.sweep.load());
  if (options.json) {
    print_json(json_of(summary));
  } else {
    print_plan(summary);
  }
  return kDone;
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand("plan", "Say what a sweep would train, on what and for how long");
  command->footer(kPlanExamples);
  options->sweep.add_to(*command);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &action] { action = [options] { return plan(*options); }; });
}

}  // namespace shoal::cli
