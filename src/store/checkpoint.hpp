#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "shoal/run.hpp"

namespace shoal::store {

/// The trials of a run that have begun and not ended, by id. Of a trial only id and number are stored; all of it where
/// it was a copy.
using Checkpoint = std::map<std::string, PausedTrial>;

/// How far the results are. A checkpoint has none of the trials that had ended when it was written.
struct ResultsMark {
  std::uint64_t n_commits = 0;  ///< of the database, ever
  std::uint64_t n_ended = 0;    ///< trials
};

/// What a checkpoint file holds.
struct StoredCheckpoint {
  Checkpoint trials;
  ResultsMark results;  ///< when it was written
};

/// checkpoint/ of a run directory: the last two checkpoints as safetensors files N.safetensors and N+1.safetensors
/// with a checksum, and `epochs`, a count that survives the process.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Writes the next generation, atomically, and removes the one before the last. Makes the folder. results: those that
  /// are permanent.
  void write(std::span<const PausedTrial* const> trials, const ResultsMark& results);
  /// The newest whole generation that `results` are not behind; empty where there is none. What cannot be used is named
  /// in `notes`, a line each. A generation that the results are behind is removed: what they become is not what it
  /// knows.
  [[nodiscard]] Checkpoint read(const ResultsMark& results, std::vector<std::string>& notes);
  /// Removes all generations.
  void clear();

  /// Network-epochs that the run has trained in all: written at once, without waiting for the disk, so that a killed
  /// process does not take it along.
  void count_epochs(std::uint64_t n_epochs);
  /// 0 where nothing was counted, or where the count is damaged: `notes` says so.
  [[nodiscard]] std::uint64_t counted_epochs(std::vector<std::string>& notes) const;

 private:
  [[nodiscard]] std::vector<std::uint64_t> generations() const;  ///< ascending
  [[nodiscard]] std::filesystem::path file(std::uint64_t generation) const;

  std::filesystem::path folder_;
};

/// The bytes of a checkpoint file in pieces. Tensors: counters U64 [n, 14], numbers F64 [n, 14], curves F64 [points,
/// 4], floats F32 [all]. Format as in safetensors.hpp.
void write_checkpoint(std::span<const PausedTrial* const> trials, const ResultsMark& results,
                      const std::function<void(std::string_view)>& write);
/// The inverse. Error, which says why, where the bytes are not such a file, whatever they are.
[[nodiscard]] StoredCheckpoint checkpoint_from(std::string_view bytes);

}  // namespace shoal::store
