#include "store/dataset_again.hpp"

#include <filesystem>
#include <variant>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal::store {

Dataset dataset_again(const Manifest& manifest) {
  const std::filesystem::path file = manifest.sweep_file;
  SweepSpec spec = parse_sweep(manifest.sweep_yaml, manifest.sweep_file, file.parent_path());
  spec.data.test.reset();
  Dataset dataset = load_dataset(spec.data, spec.trainer.seed);
  for (const auto& [key, hash] : dataset.table_hashes) {
    const auto found = manifest.table_hashes.find(key);
    if (found == manifest.table_hashes.end() || found->second == hash) continue;
    const auto& table = key == "train" ? spec.data.train : std::get<std::filesystem::path>(spec.data.validation);
    throw InputError(Diagnostic{table.string(), 0, "", "the table has changed since the run"});
  }
  return dataset;
}

}  // namespace shoal::store
