#include "run/resume.hpp"

#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>
#include <yaml-cpp/yaml.h>

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

}  // namespace

std::vector<Diagnostic> differences(const std::string& before, const std::string& now, bool strict,
                                    const std::string& file) {
  std::set<std::string> free{"trainer.threads", "trainer.memory", "trainer.checkpoint_every"};
  if (strict) free.insert("trainer.engine");
  std::map<std::string, std::string> old_leaves;
  std::map<std::string, std::string> new_leaves;
  flatten(YAML::Load(before), "", old_leaves);
  flatten(YAML::Load(now), "", new_leaves);
  std::vector<Diagnostic> all;
  const auto add = [&](const std::string& path, const std::string& message) {
    if (!free.contains(path)) all.push_back({file, 0, path, message});
  };
  for (const auto& [path, text] : old_leaves) {
    const auto found = new_leaves.find(path);
    if (found == new_leaves.end()) {
      add(path, "is not set, but the run was started with " + text);
    } else if (found->second != text) {
      add(path, "is " + found->second + ", but the run was started with " + text);
    }
  }
  for (const auto& [path, text] : new_leaves) {
    if (!old_leaves.contains(path)) add(path, "is " + text + ", but the run was started without it");
  }
  return all;
}

void check_resumable(const store::Manifest& before, const store::Manifest& now, const fs::path& directory) {
  const bool strict = now.precision == Precision::strict;
  std::vector<Diagnostic> all = differences(before.sweep_yaml, now.sweep_yaml, strict, now.sweep_file);
  if (before.dataset_hash != now.dataset_hash) {
    all.push_back({now.sweep_file, 0, "data",
                   fmt::format("the table's content (hash {:016x}) is not what the run was started with ({:016x})",
                               now.dataset_hash, before.dataset_hash)});
  }
  for (const auto& [name, hash] : now.initial_parameters) {
    const auto found = before.initial_parameters.find(name);
    if (found == before.initial_parameters.end() || found->second == hash) continue;  // a new name is named above
    all.push_back(
        {now.sweep_file, 0, "parameters.init",
         fmt::format("{} (hash {:016x}) is not what the run was started with ({:016x})", name, hash, found->second)});
  }
  if (all.empty()) return;
  all.push_back({directory.string(), 0, "", "cannot be resumed with another sweep; use another directory"});
  throw InputError(std::move(all));
}

fs::path free_directory(const fs::path& sweep_file) {
  const std::string stem = sweep_file.stem().empty() ? "sweep" : sweep_file.stem().string();
  for (int n = 1;; ++n) {
    fs::path path = fs::path("runs") / (stem + "-" + std::to_string(n));
    if (!fs::exists(path)) return path;
  }
}

}  // namespace shoal::run
