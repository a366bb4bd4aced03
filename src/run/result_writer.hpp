#pragma once

#include <chrono>
#include <functional>
#include <span>

#include "run/kept_networks.hpp"
#include "run/live_facts.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// Writes what ends into a run directory: every row and the best networks; what is to be permanent waits for flush().
class ResultWriter {
 public:
  /// Everything outlives the writer. `manifest`: what flushes write; its epochs_trained grows. `start`: the progress
  /// that this run begins with.
  ResultWriter(store::RunDirectory& directory, store::Manifest& manifest, KeptNetworks& kept, LiveFacts facts,
               double flush_every_s, const Progress& start, std::function<void(const Progress&)> on_progress);

  void finished(TrialResult&& result, TrialState&& state);
  void passed(std::span<const RungPassage> passages) { facts_.passed(passages); }
  void progress(const Progress& progress);
  using Clock = std::chrono::steady_clock;
  /// Whether `flush_every_s` have passed since everything was permanent; more where that takes long.
  [[nodiscard]] bool wants_flush() const;
  void flush();
  /// All that began at `start` is permanent, checkpoints too.
  void flushed(Clock::time_point start);

 private:
  store::RunDirectory* directory_;
  store::Manifest* manifest_;
  KeptNetworks* kept_;
  LiveFacts facts_;
  double flush_every_s_;
  std::function<void(const Progress&)> on_progress_;
  Progress last_;
  Clock::time_point flushed_ = Clock::now();
  Clock::duration flush_took_{};
  Clock::time_point shown_;
};

}  // namespace shoal::run
