#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kReportExamples =
    "Examples:\n"
    "  shoal report runs/letters-1                      writes runs/letters-1/report.html\n"
    "  shoal report runs/letters-1 --out letters.html\n"
    "  shoal report runs/letters-1 --json | jq -r .out\n\n"
    "The page needs no network. A run that is still going may be reported on, too.";

struct ReportOptions {
  std::string run, out;
  bool json = false;
};

int report(const ReportOptions& options) {
  check_out(options.run, options.out);
  const ReportSummary summary = write_report(options.run, options.out);
  if (options.json) {
    print_json({{"out", summary.out.string()},
                {"n_trials", summary.n_trials},
                {"n_shown", summary.n_shown},
                {"bytes", summary.bytes},
                {"winner", summary.winner},
                {"no_validation", summary.no_validation}});
    return kDone;
  }
  print(fmt::format("{}: {}, {}\n", summary.out.string(), counted(summary.n_trials, "trial"), bytes(summary.bytes)));
  if (!summary.no_validation.empty()) {
    print("without the winner's predictions on its validation rows: " + summary.no_validation + '\n');
  }
  return kDone;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Write a run as one HTML page");
  command->footer(kReportExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command->add_option("-o,--out", options->out, "Write the page here; default DIR/report.html")
      ->type_name("FILE")
      ->check(empty_path);
  command->add_flag("--json", options->json, "Print one JSON document on what was written");
  command->callback([options, &action] { action = [options] { return report(*options); }; });
}

}  // namespace shoal::cli
