#pragma once

#include <chrono>
#include <functional>

#include "run/kept_networks.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"
#include "train/training_loop.hpp"

namespace shoal::run {

/// Writes what ends into a run directory: every row, the best networks, all of it permanent every `flush_every_s`.
class ResultWriter final : public train::ResultSink {
 public:
  /// Everything outlives the writer. `manifest`: what flushes write; its epochs_trained grows. `start`: the progress
  /// that this run begins with.
  ResultWriter(store::RunDirectory& directory, store::Manifest& manifest, KeptNetworks& kept, double flush_every_s,
               const Progress& start, std::function<void(const Progress&)> on_progress);

  void finished(TrialResult&& result, TrialState&& state) override;
  void progress(const Progress& progress) override;
  [[nodiscard]] const Progress& last() const noexcept { return last_; }

 private:
  using Clock = std::chrono::steady_clock;
  store::RunDirectory* directory_;
  store::Manifest* manifest_;
  KeptNetworks* kept_;
  double flush_every_s_;
  std::function<void(const Progress&)> on_progress_;
  Progress last_;
  Clock::time_point flushed_ = Clock::now();
  Clock::time_point shown_;
};

}  // namespace shoal::run
