#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/kept_networks.hpp"
#include "run/prepared_sweep.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// The keys in which two resolved sweep files differ, as `before` and `now` say; keys that change no result are left
/// out. `file` is put into the diagnostics.
[[nodiscard]] std::vector<Diagnostic> differences(const std::string& before, const std::string& now, bool strict,
                                                  const std::string& file);

/// The tables and the files of initial parameters whose content `before` and `now` give different hashes.
[[nodiscard]] std::vector<Diagnostic> changed_files(const store::Manifest& before, const store::Manifest& now);

/// InputError that names every difference where the run of manifest `now` is not the one that `before` started.
void check_resumable(const store::Manifest& before, const store::Manifest& now, const std::filesystem::path& directory);

/// Population based training: takes out of the directory every trial that ended behind a rung which its bracket has not
/// passed in the checkpoint. What happened there has to happen again, and the trial's own state may be part of it.
void drop_what_is_ahead(const PreparedSweep& sweep, const SweepSpec& spec, const store::Checkpoint& checkpoint,
                        store::RunDirectory& directory);

/// Offers the stored networks to `kept` and removes those that an earlier run stored too many when it ended: of trials
/// without a row, which train again and are stored again, and those beyond what `kept` holds. The winner of a run that
/// is done stays, and so does a network of all rows, which is no trial's. Removes those that are damaged, too: `notes`
/// says which.
void take_over_networks(store::RunDirectory& directory, KeptNetworks& kept, std::vector<std::string>& notes);

/// The first of runs/NAME-1, runs/NAME-2, ... that does not exist.
[[nodiscard]] std::filesystem::path free_directory(const std::filesystem::path& sweep_file);

}  // namespace shoal::run
