#pragma once

#include <filesystem>

#include "shoal/ensemble.hpp"

namespace shoal::run {

/// ensemble.json of a run directory.
[[nodiscard]] std::filesystem::path ensemble_file(const std::filesystem::path& run);
/// Writes it to ensemble.file, whole or not at all.
void write_ensemble(const Ensemble& ensemble);
/// The run's. InputError where there is none, Error where the file holds something else.
[[nodiscard]] Ensemble read_ensemble(const std::filesystem::path& run);

}  // namespace shoal::run
