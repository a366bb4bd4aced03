#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "plan/plan.hpp"
#include "shoal/engine.hpp"
#include "shoal/run.hpp"
#include "train/progress_meter.hpp"
#include "train/round_sizer.hpp"

namespace shoal::train {

/// How a trial of a chunk is trained: its epochs, and where an earlier leg paused.
struct Job {
  plan::Leg leg;
  const PausedTrial* from = nullptr;  ///< null: from its first epoch
  bool waits_diverged = false;        ///< where it diverges it is paused: it may become a copy at its rung
};

/// Where results go, from the thread that trains.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// A trial has ended. Its state holds the parameters that its metrics are of.
  virtual void finished(TrialResult&& result, TrialState&& state) = 0;
  /// A trial has come to the end of its leg and has epochs left, or has diverged and waits. It is evaluated.
  virtual void paused(PausedTrial&& trial) = 0;
  /// After every call of the engine.
  virtual void progress(const Progress& progress) = 0;
  /// Whether checkpoint() is wanted now; asked after every call of the engine.
  virtual bool wants_checkpoint() = 0;
  /// The trials in training as they are now.
  virtual void checkpoint(const std::vector<PausedTrial>& in_training) = 0;
};

/// Trains chunks of trials to the ends of their legs.
class TrainingLoop {
 public:
  /// Everything outlives the loop. `round_s`: what a call of the engine is meant to take.
  TrainingLoop(Engine& engine, const Dataset& dataset, ProgressMeter& meter, ResultSink& sink, double round_s);

  /// Trains the trials of a chunk, which indexes `trials` and `jobs` (one a trial), and hands each to the sink when it
  /// ends or its leg does. False where `stop` came first: within 2 s it returns and what has ended is delivered. A
  /// chunk for which the engine finds no memory is halved. Error where the engine breaks its contract.
  [[nodiscard]] bool run(std::span<const Trial> trials, std::span<const Job> jobs, const plan::Chunk& chunk,
                         const std::stop_token& stop);
  /// The trials in training as they are now, not evaluated; after a stop without those that were in the middle of an
  /// epoch. For as long as the last run's trials and jobs live.
  [[nodiscard]] std::vector<PausedTrial> in_training() const;

 private:
  struct Network {
    const Trial* trial = nullptr;
    const Job* job = nullptr;
    Slot slot = 0;
    std::uint32_t until = 0;  ///< the epoch that ends its leg
    std::uint32_t asked = 0;  ///< epochs, in the current call
    std::uint32_t epoch = 0;
    double epoch_cost = 0;
    double seconds = 0;
    double cost = 0;    ///< work that the current call did for it
    bool gone = false;  ///< delivered or lost
    std::vector<CurvePoint> curve;

    [[nodiscard]] bool has_last_leg() const;
  };
  using Company = std::vector<const plan::FilledGang*>;  ///< gangs that one call had better train
  struct Members {                                       ///< of a company
    std::vector<Network> networks;
    std::uint64_t curve_bytes = 0;  ///< that their learning curves may come to
  };

  [[nodiscard]] std::vector<Company> companies(const plan::Chunk& chunk) const;
  [[nodiscard]] bool has_room() const;
  void admit(std::span<const Trial> trials, std::span<const Job> jobs, const plan::FilledGang& filled,
             Members& members);
  void round(const std::stop_token& stop);
  [[nodiscard]] std::vector<Network*> choose(std::size_t n_companies);
  void account(std::span<Network* const> chosen, std::span<const EpochRecord> records, double seconds);
  [[nodiscard]] std::vector<Network*> ended(std::span<Network* const> networks, bool by_state) const;
  void remove_gone();
  void deliver(std::span<Network* const> networks);
  [[nodiscard]] std::optional<TrialState> put_back_to_best(const Network& network);
  [[nodiscard]] static TrialResult result_of(const Network& network, const TrialState& state, MetricValues metrics);

  Engine* engine_;
  const Dataset* dataset_;
  ProgressMeter* meter_;
  ResultSink* sink_;
  RoundSizer sizer_;
  std::vector<Members> in_flight_;
  double round_cost_ = 0;  ///< work that the last call did
};

}  // namespace shoal::train
