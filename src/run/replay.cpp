// Trains one network of a run again, alone, and compares it with the one that is stored.
#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "run/chosen_networks.hpp"
#include "run/final_network.hpp"
#include "run/lone_training.hpp"
#include "run/prepared_sweep.hpp"
#include "run/resume.hpp"
#include "shoal/error.hpp"
#include "store/run_directory.hpp"
#include "store/setting_means.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

void check_files(const store::Manifest& before, const run::PreparedSweep& sweep, const SweepSpec& spec) {
  store::Manifest now;
  now.sweep_file = spec.file.string();
  now.table_hashes = sweep.dataset->table_hashes;
  now.initial_parameters = sweep.initial_parameters.hashes();
  if (std::vector<Diagnostic> changed = run::changed_files(before, now); !changed.empty()) {
    throw InputError(std::move(changed));
  }
}

run::LoneNetwork trained_again(run::PreparedSweep& sweep, const SweepSpec& spec, const store::RunDirectory& directory,
                               const std::string& id) {
  if (!id.ends_with(run::kAllRows)) {
    return run::train_again(*sweep.engine, sweep.initial_parameters, sweep.trials, directory, id, {}).value();
  }
  const std::vector<SettingRow> settings = store::setting_means(directory, spec.metric, spec.maximize);
  const auto setting = std::ranges::find(settings, id.substr(0, id.size() - run::kAllRows.size()), &SettingRow::id);
  run::AllRows all(sweep, spec);
  return run::train_on_all_rows(all, sweep, directory, *setting, {}).value();
}

}  // namespace

SweepSpec sweep_of(const fs::path& run, std::span<const std::string> overrides) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Manifest& manifest = directory.manifest();
  const fs::path file = manifest.sweep_file;
  SweepSpec spec = parse_sweep(manifest.sweep_yaml, manifest.sweep_file, file.parent_path(), overrides);
  spec.places.clear();  // of the manifest's text, which is not that file
  return spec;
}

Replay replay(const SweepSpec& spec, const fs::path& run, std::string_view which) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const std::string id = run::chosen_network(directory, which);
  const store::StoredNetwork stored = directory.network(id);
  run::PreparedSweep sweep = run::prepare(spec);
  check_files(directory.manifest(), sweep, spec);
  Replay result;
  result.id = id;
  const run::LoneNetwork network = trained_again(sweep, spec, directory, id);
  result.ancestor = network.root;
  result.n_segments = network.n_segments;
  result.epochs = network.state.epoch;
  result.n_parameters = stored.parameters.size();
  const std::vector<float>& parameters = network.state.parameters;
  if (parameters.size() != stored.parameters.size()) {
    throw Error(id + " has " + std::to_string(parameters.size()) + " parameters, stored are " +
                std::to_string(stored.parameters.size()));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const bool equal =
        std::bit_cast<std::uint32_t>(parameters[i]) == std::bit_cast<std::uint32_t>(stored.parameters[i]);
    if (!equal) ++result.n_different;
  }
  return result;
}

}  // namespace shoal
