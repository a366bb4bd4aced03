#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "run/prepared_sweep.hpp"
#include "run/result_writer.hpp"
#include "search/brackets.hpp"
#include "search/population.hpp"
#include "store/checkpoint.hpp"
#include "store/run_directory.hpp"
#include "train/open_bracket.hpp"
#include "train/progress_meter.hpp"
#include "train/training_loop.hpp"

namespace shoal::run {

/// Trains what a run directory lacks of a sweep, in waves: a wave takes every open bracket to its next rung, so that
/// the survivors of one bracket train beside the beginners of the next. As many brackets are open as make a wave that
/// is worth it; the rest wait, as numbers.
class SweepTrainer final : public train::ResultSink {
 public:
  /// Everything outlives the trainer. resumed: the trials that an earlier run left in training.
  SweepTrainer(const PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, ResultWriter& writer,
               train::ProgressMeter& meter, store::Checkpoint resumed);

  /// False where `stop` came first: what is in training is then in the directory's checkpoint.
  [[nodiscard]] bool run(const std::stop_token& stop);

  void finished(TrialResult&& result, TrialState&& state) override;
  void paused(PausedTrial&& trial) override;
  void progress(const Progress& progress) override;
  bool wants_checkpoint() override;
  void checkpoint(const std::vector<PausedTrial>& in_training) override;

 private:
  void open_brackets();
  [[nodiscard]] train::OpenBracket opened(const search::Bracket& bracket);
  [[nodiscard]] bool wave(const std::stop_token& stop);
  void decide();
  void checkpoint(const std::vector<PausedTrial>& in_training, const store::Checkpoint& older);
  [[nodiscard]] train::OpenBracket& bracket_of(std::uint64_t number);

  const PreparedSweep* sweep_;
  store::RunDirectory* directory_;
  ResultWriter* writer_;
  train::ProgressMeter* meter_;
  bool goes_on_;               ///< an earlier run's trials have ended
  store::Checkpoint resumed_;  ///< of brackets that are not open yet
  EarlyTerminate rule_;
  bool maximize_;
  std::optional<search::Population> population_;
  search::Brackets brackets_;
  std::uint64_t next_bracket_ = 0;
  std::vector<train::OpenBracket> open_;
  std::vector<Trial> wave_trials_;  ///< of the last wave: the loop refers to them
  std::vector<train::Job> wave_jobs_;
  train::TrainingLoop loop_;
};

/// A sweep's settings in brackets; those without rungs hold as many trials as are planned together.
[[nodiscard]] search::Brackets brackets_of(const PreparedSweep& sweep, const SweepSpec& spec);

/// Bytes of the host's memory that states of trials take at most which wait at rungs.
[[nodiscard]] std::uint64_t waiting_bytes(const PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip);

}  // namespace shoal::run
