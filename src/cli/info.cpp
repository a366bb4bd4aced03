#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "shoal/calibration.hpp"
#include "shoal/engine.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kInfoExamples =
    "Examples:\n"
    "  shoal info\n"
    "  shoal info --json | jq '.engines[] | select(.available)'";

const char* word_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::none:
      return "none";
    case Evidence::older:
      return "older";
    case Evidence::current:
      return "current";
  }
  return "";
}

/// A kernel a line: where it ran, and whether that was this code.
std::string kernel_lines(const std::vector<KernelEvidence>& kernels) {
  std::string text = kernels.empty() ? "" : "\nkernel (sm_90a)           ran on\n";
  for (const KernelEvidence& k : kernels) {
    text += fmt::format("{:<25} {}\n", k.kernel,
                        k.evidence == Evidence::none
                            ? "no GPU yet"
                            : fmt::format("{}, {}{}", k.gpu, k.date,
                                          k.evidence == Evidence::older ? "; evidence older than the kernel" : ""));
  }
  return text;
}

nlohmann::ordered_json kernels_json(const std::vector<KernelEvidence>& kernels) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const KernelEvidence& k : kernels) {
    list.push_back({{"name", k.kernel}, {"evidence", word_of(k.evidence)}, {"gpu", k.gpu}, {"date", k.date}});
  }
  return list;
}

int info(bool json) {
  const VersionInfo built = version();
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string kernels;
  std::string text =
      fmt::format("shoal     {}\ncompiler  {}\nCUDA      {}\n\n", built.version, built.compiler, built.cuda);
  for (const EngineInfo& engine : engines()) {
    nlohmann::ordered_json precisions = nlohmann::ordered_json::array();
    std::string words;
    for (Precision precision : engine.precisions) {
      precisions.push_back(name(precision));
      words += (words.empty() ? "" : ", ") + std::string(name(precision));
    }
    list.push_back({{"name", engine.name},
                    {"available", engine.available},
                    {"detail", engine.detail},
                    {"precisions", precisions},
                    {"kernels", kernels_json(engine.kernels)}});
    kernels += kernel_lines(engine.kernels);
    text += fmt::format("{:<9} {}: {}{}\n", engine.name, engine.available ? "available" : "not available",
                        engine.detail, words.empty() ? "" : " [" + words + "]");
  }
  const std::string costs = costs_here().source;
  text += "\ncosts of kernels, for plans and the choice of kernels: " + costs + "\n";
  if (json) {
    print_json({{"version", built.version},
                {"compiler", built.compiler},
                {"cuda", built.cuda},
                {"costs", costs},
                {"engines", list}});
  } else {
    print(text + kernels);
  }
  return kDone;
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("info", "Say what this build and this machine can run");
  command->footer(kInfoExamples);
  command->add_flag("--json", *json, "Print one JSON document");
  command->callback([json, &action] { action = [json] { return info(*json); }; });
}

}  // namespace shoal::cli
