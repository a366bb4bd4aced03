#include "run/resume.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <yaml-cpp/yaml.h>

#include "run/final_network.hpp"
#include "run/sweep_trainer.hpp"
#include "search/brackets.hpp"

namespace shoal::run {
namespace {

namespace fs = std::filesystem;

/// Every leaf's path and text. Lists count as leaves: their order means something.
void flatten(const YAML::Node& node, const std::string& path, std::map<std::string, std::string>& leaves) {
  if (!node.IsMap()) {
    YAML::Emitter text;
    text << YAML::Flow << node;
    leaves[path] = text.c_str();
    return;
  }
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    flatten(entry.second, path.empty() ? key : path + "." + key, leaves);
  }
}

bool is_by_reference(const std::map<std::string, std::string>& leaves) {
  const auto found = leaves.find("trainer.engine");
  return found != leaves.end() && found->second == "reference";
}

/// How many rungs a trial that has ended had passed before. One that diverged waited at all of them.
std::uint32_t n_rungs_before_end(const store::RunDirectory& directory, const std::string& id,
                                 const std::vector<std::uint32_t>& rungs) {
  if (directory.row(id).status == TrialStatus::diverged) return static_cast<std::uint32_t>(rungs.size());
  const std::uint32_t end = directory.curve(id).back().epoch;
  return static_cast<std::uint32_t>(std::ranges::lower_bound(rungs, end) - rungs.begin());
}

}  // namespace

std::vector<Diagnostic> differences(const std::string& before, const std::string& now, bool strict,
                                    const std::string& file) {
  std::set<std::string> free{"trainer.threads", "trainer.memory", "trainer.checkpoint_every"};
  std::map<std::string, std::string> old_leaves;
  std::map<std::string, std::string> new_leaves;
  flatten(YAML::Load(before), "", old_leaves);
  flatten(YAML::Load(now), "", new_leaves);
  // The reference computes in double: in strict precision, too, its bits are its own.
  if (strict && is_by_reference(old_leaves) == is_by_reference(new_leaves)) free.insert("trainer.engine");
  std::vector<Diagnostic> all;
  const auto add = [&](const std::string& path, const std::string& message) {
    if (!free.contains(path)) all.push_back({file, 0, path, message});
  };
  for (const auto& [path, text] : old_leaves) {
    const auto found = new_leaves.find(path);
    if (found == new_leaves.end()) {
      add(path, "is not set or at its default, but the run was started with " + text);
    } else if (found->second != text) {
      add(path, "is " + found->second + ", but the run was started with " + text);
    }
  }
  for (const auto& [path, text] : new_leaves) {
    if (!old_leaves.contains(path)) add(path, "is " + text + ", but the run was started without it");
  }
  return all;
}

std::vector<Diagnostic> changed_files(const store::Manifest& before, const store::Manifest& now) {
  std::vector<Diagnostic> all;
  for (const auto& [name, hash] : now.table_hashes) {
    const auto found = before.table_hashes.find(name);
    if (found == before.table_hashes.end() || found->second == hash) continue;
    all.push_back({now.sweep_file, 0, "data." + name,
                   fmt::format("the table's content (hash {:016x}) is not what the run was started with ({:016x})",
                               hash, found->second)});
  }
  for (const auto& [name, hash] : now.initial_parameters) {
    const auto found = before.initial_parameters.find(name);
    if (found == before.initial_parameters.end() || found->second == hash) continue;  // a new name is named elsewhere
    all.push_back(
        {now.sweep_file, 0, "parameters.init",
         fmt::format("{} (hash {:016x}) is not what the run was started with ({:016x})", name, hash, found->second)});
  }
  return all;
}

void check_resumable(const store::Manifest& before, const store::Manifest& now, const fs::path& directory) {
  const bool strict = now.precision == Precision::strict;
  std::vector<Diagnostic> all = differences(before.sweep_yaml, now.sweep_yaml, strict, now.sweep_file);
  std::ranges::move(changed_files(before, now), std::back_inserter(all));
  if (all.empty()) return;
  all.push_back({directory.string(), 0, "", "cannot be resumed with another sweep; use another directory"});
  throw InputError(std::move(all));
}

void drop_what_is_ahead(const PreparedSweep& sweep, const SweepSpec& spec, const store::Checkpoint& checkpoint,
                        store::RunDirectory& directory) {
  if (spec.early_terminate.type != Terminator::pbt) return;
  const search::Brackets brackets = brackets_of(sweep, spec);
  const std::uint64_t n_a_setting = sweep.trials.size() / std::max<std::uint64_t>(1, sweep.trials.n_settings());
  for (std::uint64_t i = 0; i < brackets.size(); ++i) {
    const search::Bracket bracket = brackets.at(i);
    std::uint32_t n_passed = 0;
    std::vector<std::string> ended;
    for (std::uint64_t k = 0; k < bracket.n_settings * n_a_setting; ++k) {
      const std::string id = sweep.trials.at(bracket.first_setting * n_a_setting + k).id;
      if (directory.has(id)) ended.push_back(id);
      const auto found = checkpoint.find(id);
      if (found != checkpoint.end()) n_passed = std::max(n_passed, found->second.n_rungs);
    }
    if (ended.size() == bracket.n_settings * n_a_setting) continue;
    for (const std::string& id : ended) {
      if (n_rungs_before_end(directory, id, bracket.rungs) > n_passed) directory.remove(id);
    }
  }
}

void take_over_networks(store::RunDirectory& directory, KeptNetworks& kept, std::vector<std::string>& notes) {
  for (const std::string& id : directory.kept()) {
    std::string damage;
    const std::optional<store::StoredNetwork> network = directory.whole_network(id, damage);
    if (!network) {
      directory.forget(id);
      notes.push_back(damage + "; removed, and trained again if it is the network that the run hands out");
      continue;
    }
    if (id.ends_with(kAllRows)) continue;
    const std::optional<TrialStatus> status = directory.status(id);
    if (!status) {
      directory.forget(id);
      continue;
    }
    const KeptNetworks::Decision decision = kept.offer(id, network->metric, *status == TrialStatus::pruned);
    const std::string& surplus = decision.keep ? decision.forget : id;
    if (surplus != directory.manifest().winner) directory.forget(surplus);
  }
}

fs::path free_directory(const fs::path& sweep_file) {
  const std::string stem = sweep_file.stem().empty() ? "sweep" : sweep_file.stem().string();
  for (int n = 1;; ++n) {
    fs::path path = fs::path("runs") / (stem + "-" + std::to_string(n));
    if (!fs::exists(path)) return path;
  }
}

}  // namespace shoal::run
