#include "run/initial_parameters.hpp"

#include <algorithm>
#include <utility>

#include "search/setting.hpp"
#include "shoal/error.hpp"
#include "store/atomic_file.hpp"
#include "store/safetensors.hpp"

namespace shoal::run {
namespace {

std::string sizes_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : "-") + std::to_string(size);
  return text;
}

std::vector<std::int64_t> sizes_of(const Topology& topology) {
  std::vector<std::int64_t> sizes{topology.n_inputs};
  for (std::size_t l = 0; l < topology.n_layers(); ++l) sizes.push_back(topology.fan_out(l));
  return sizes;
}

/// The words of parameters.init that are files.
std::vector<std::string> names_of(const SweepSpec& spec) {
  std::vector<std::string> names;
  for (const Axis& axis : spec.axes) {
    const auto column = std::ranges::find(axis.parameters, "init");
    if (column == axis.parameters.end()) continue;
    for (const auto& choice : axis.values) {
      const auto& word = std::get<std::string>(choice[static_cast<std::size_t>(column - axis.parameters.begin())]);
      if (!init_named(word)) names.push_back(word);
    }
  }
  return names;
}

}  // namespace

InitialParameters::InitialParameters(const SweepSpec& spec) : sweep_file_(spec.file.string()) {
  std::vector<Diagnostic> faults;
  for (const std::string& name : names_of(spec)) {
    const std::filesystem::path path = spec.file.parent_path() / name;
    try {
      const std::string bytes = store::read_whole(path);
      store::StoredParameters stored = store::parameters_from_safetensors(bytes, path.string());
      files_[name] = {std::move(stored.sizes), std::make_shared<const std::vector<float>>(std::move(stored.parameters)),
                      search::hash(bytes)};
    } catch (const Error& error) {
      faults.push_back({sweep_file_, 0, "parameters.init", error.what()});
    }
  }
  if (!faults.empty()) throw InputError(std::move(faults));
}

void InitialParameters::give(Trial& trial) const {
  const std::string& name = trial.hyperparameters.init_file;
  if (name.empty()) return;
  const File& file = files_.at(name);
  const std::vector<std::int64_t> wanted = sizes_of(trial.topology);
  if (file.sizes != wanted) {
    throw InputError(Diagnostic{sweep_file_, 0, "parameters.init",
                                name + " holds a network " + sizes_text(file.sizes) + ", trial " + trial.id + " is " +
                                    sizes_text(wanted) + "; pair files and layers under parameters.architecture"});
  }
  trial.start = file.parameters;
}

std::map<std::string, std::uint64_t> InitialParameters::hashes() const {
  std::map<std::string, std::uint64_t> all;
  for (const auto& [name, file] : files_) all.emplace(name, file.hash);
  return all;
}

}  // namespace shoal::run
