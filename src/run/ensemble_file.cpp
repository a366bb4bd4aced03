#include "run/ensemble_file.hpp"

#include <nlohmann/json.hpp>

#include "shoal/error.hpp"
#include "store/atomic_file.hpp"

namespace shoal::run {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Raised when a reader of an older file would misread a new one.
constexpr int kFormat = 1;

}  // namespace

std::filesystem::path ensemble_file(const std::filesystem::path& run) { return run / "ensemble.json"; }

void write_ensemble(const Ensemble& ensemble) {
  ordered_json members = ordered_json::array();
  for (const Ensemble::Member& member : ensemble.members) {
    members.push_back({{"id", member.id}, {"times", member.times}, {"weight", member.weight}});
  }
  const ordered_json out = {
      {"format", kFormat},
      {"metric", {{"name", name(ensemble.metric)}, {"goal", ensemble.maximize ? "maximize" : "minimize"}}},
      {"fold", ensemble.fold},
      {"n_rows", ensemble.n_rows},
      {"value", ensemble.value},
      {"best_single", {{"id", ensemble.best_id}, {"value", ensemble.best_value}}},
      {"members", members}};
  store::write_atomically(ensemble.file, out.dump(1) + "\n");
}

Ensemble read_ensemble(const std::filesystem::path& run) {
  const std::filesystem::path file = ensemble_file(run);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw InputError(Diagnostic{run.string(), 0, "", "has no ensemble yet; `shoal ensemble` selects one"});
  }
  try {
    const json document = json::parse(store::read_whole(file));
    if (document.at("format") != kFormat) throw Error(file.string() + ": was written by another version of shoal");
    Ensemble ensemble;
    ensemble.file = file;
    for (const json& entry : document.at("members")) {
      ensemble.members.push_back({entry.at("id").get<std::string>(), entry.at("times").get<std::uint32_t>(),
                                  entry.at("weight").get<double>()});
      ensemble.n_choices += ensemble.members.back().times;
    }
    if (ensemble.n_choices == 0) throw Error(file.string() + ": not an ensemble: it has no members");
    return ensemble;
  } catch (const json::exception& error) {
    throw Error(file.string() + ": not an ensemble: " + error.what());
  }
}

}  // namespace shoal::run
