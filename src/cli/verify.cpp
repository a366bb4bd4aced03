#include "shoal/verify.hpp"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/table.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kVerifyExamples =
    "Examples:\n"
    "  shoal verify                                 every engine of this machine\n"
    "  shoal verify --engine cuda --cases 2000\n"
    "Each case is a random network, table and setting. Errors are shown beside the bound that a running error\n"
    "analysis gives (docs/numerics.md); where bits must be equal the bound is 0. Exit code 1: a bound was broken.";

nlohmann::ordered_json json_of(const VerifyRow& row) {
  return {{"engine", row.engine}, {"precision", name(row.precision)}, {"check", row.check},
          {"cases", row.n_cases}, {"values", row.n_values},           {"worst_error", row.error},
          {"bound", row.bound},   {"breaches", row.n_breaches},       {"first_breach", row.first_breach}};
}

int report(const VerifyOptions& options, bool json) {
  const std::vector<VerifyRow> rows = verify_engines(options);
  Table table{{{"engine"},
               {"precision"},
               {"check"},
               {"cases", true},
               {"values", true},
               {"worst error", true},
               {"its bound", true},
               {"verdict"}},
              {}};
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string breaches;
  for (const VerifyRow& row : rows) {
    list.push_back(json_of(row));
    const std::string verdict = row.n_cases == 0      ? "nothing that it can train"
                                : row.n_breaches == 0 ? "ok"
                                                      : fmt::format("{} wrong", row.n_breaches);
    table.rows.push_back({row.engine, std::string(name(row.precision)), row.check, std::to_string(row.n_cases),
                          std::to_string(row.n_values), fmt::format("{:.3g}", row.error),
                          fmt::format("{:.3g}", row.bound), verdict});
    if (row.n_breaches > 0) {
      breaches += fmt::format("{} {}, {}: {} (seed {})\n", row.engine, name(row.precision), row.check, row.first_breach,
                              options.seed);
    }
  }
  if (json) {
    print_json({{"cases", options.cases}, {"seed", options.seed}, {"ok", breaches.empty()}, {"checks", list}});
  } else {
    print(rendered(table, 0));
  }
  if (breaches.empty()) return kDone;
  print_error(breaches.substr(0, breaches.size() - 1));
  return kFailed;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  struct Arguments {
    VerifyOptions options;
    bool json = false;
  };
  auto given = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("verify", "Check every engine's numbers on this machine");
  command->footer(kVerifyExamples);
  command->add_option("--engine", given->options.engine, "One engine instead of all that are available");
  command->add_option("--cases", given->options.cases, "Random networks a check")
      ->capture_default_str()
      ->check(whole_number(1, 100000000));
  command->add_option("--seed", given->options.seed, "Another seed draws other networks")
      ->capture_default_str()
      ->check(whole_number(0, kMostWhole));
  command->add_flag("--json", given->json, "Print one JSON document");
  command->callback([given, &action] { action = [given] { return report(given->options, given->json); }; });
}

}  // namespace shoal::cli
