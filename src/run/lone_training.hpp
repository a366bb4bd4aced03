#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "run/initial_parameters.hpp"
#include "shoal/engine.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// Engine and place for one network.
class Alone {
 public:
  Alone(Engine& engine, const Trial& trial, const TrialState& state);
  /// False where `stop` came first.
  [[nodiscard]] bool train(std::uint32_t until, const std::stop_token& stop);
  [[nodiscard]] MetricValues test(Task task) const;
  [[nodiscard]] TrialState state() const;

 private:
  Engine* engine_;
};

/// How the network of a trial came about: with whose initial parameters it began, and at which epochs it, or what it is
/// a copy of, became one.
struct Ancestry {
  std::string root;                 ///< id of the first ancestor; the trial's own where nothing was copied
  std::vector<Takeover> takeovers;  ///< ascending in epochs
};
/// InputError where an ancestor has not ended.
[[nodiscard]] Ancestry ancestry_of(const store::RunDirectory& directory, const std::string& id);

/// A sweep's trial by its id. Error where there is none.
[[nodiscard]] Trial trial_named(const Trials& trials, const std::string& id);

/// The same with the trials themselves, as the sweep file says.
struct Lineage {
  Trial own;
  Trial root;
  std::vector<Takeover> takeovers;
};
[[nodiscard]] Lineage lineage_of(const Trials& trials, const store::RunDirectory& directory, const std::string& id);

/// A network that was trained alone: its own id and number, and the settings that it had at the end.
struct LoneNetwork {
  Trial trial;
  TrialState state;
  std::string root;              ///< id of the trial whose initial parameters it had
  std::uint32_t n_segments = 0;  ///< stretches with constant settings
};
/// Where a long training may be gone on with.
struct Pauses {
  std::optional<TrialState> from{};                        ///< what save() had; empty: the initial parameters
  double every_s = 0;                                      ///< seconds from a save() to the next, or somewhat more
  std::function<void(const LoneNetwork& network)> save{};  ///< empty: nobody asks for it; also called before a stop
};

/// Trains from the initial parameters of the root until an epoch, through all takeovers before it, as they came about;
/// ends where the network does before. Nothing where `stop` came first.
[[nodiscard]] std::optional<LoneNetwork> train_alone(Engine& engine, const InitialParameters& initial_parameters,
                                                     Lineage lineage, std::uint32_t until, const std::stop_token& stop,
                                                     const Pauses& pauses = {});

/// Trains a trial of the sweep again, alone, to where the directory says that it ended.
[[nodiscard]] std::optional<LoneNetwork> train_again(Engine& engine, const InitialParameters& initial_parameters,
                                                     const Trials& trials, const store::RunDirectory& directory,
                                                     const std::string& id, const std::stop_token& stop);

}  // namespace shoal::run
