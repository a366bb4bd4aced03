#include "engine/cuda/cuda_engine.hpp"

#include <string>

#include "engine/cuda/device_gang.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/probe.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/cuda/training.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

class CudaEngine final : public Engine {
 public:
  CudaEngine(const Dataset& dataset, const EngineOptions& options, KernelTime* time)
      : options_(checked(options)),
        table_(dataset, stream_),
        training_(options, table_, stream_, time),
        probe_(table_, stream_) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }
  [[nodiscard]] std::string why_not(const Trial& trial) const override { return cuda::why_not(trial, options_); }
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return cuda::kNetworksInBlock; }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    const std::uint64_t vectors = gang.keeps_best ? 3 : 2;
    return vectors * gang.key.topology.n_parameters() * sizeof(float) + sizeof(cuda::NetworkRules) +
           sizeof(cuda::NetworkState) + 64 * (sizeof(float) + sizeof(cuda::NetworkRecord));
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang>) const override {
    return cuda::DeviceTable::bytes(table_.dataset(), cuda::kRowsInLaunch);
  }

  void prepare(std::span<const Gang> gangs) override {
    places_.clear();
    gangs_.clear();
    for (const Gang& gang : gangs) {
      if (places_.size() < gang.first_slot + gang.n_slots) places_.resize(gang.first_slot + gang.n_slots);
      for (std::uint32_t i = 0; i < gang.n_slots; ++i) {
        places_[gang.first_slot + i] = {static_cast<std::uint32_t>(gangs_.size()), i};
      }
      gangs_.emplace_back(gang);
      static_cast<void>(table_.fold(gang.key.fold));
    }
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    const Place place = places_.at(slot);
    gangs_[place.gang].place(place.index, trial, state, options_.maximize, stream_);
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>&) override {
    for (cuda::DeviceGang& gang : gangs_) gang.clear_targets();
    for (const TrainTarget& target : targets) {
      const Place place = occupied(target.slot);
      gangs_[place.gang].set_target(place.index, target.epoch);
    }
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested() && training_.run(gangs_, records)) {
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<MetricSums> sums;
    for (const Slot slot : slots) {
      const Place place = occupied(slot);
      cuda::DeviceGang& gang = gangs_[place.gang];
      const std::vector<std::uint32_t>& rows =
          set == RowSet::test ? table_.dataset().test : table_.split(gang.key().fold).validation;
      sums.push_back(probe_.measure(gang.key(), gang.weights(place.index, stream_), gang.size(), rows));
    }
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    const Place place = occupied(slot);
    return gangs_[place.gang].read(place.index, stream_);
  }
  TrialState take(Slot slot) override {
    const Place place = occupied(slot);
    TrialState state = gangs_[place.gang].read(place.index, stream_);
    gangs_[place.gang].free(place.index);
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    return probe_.predict(trial, parameters, inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    return probe_.pass(trial, parameters, rows);
  }

 private:
  struct Place {
    std::uint32_t gang = 0;
    std::uint32_t index = 0;  ///< in the gang
  };

  static const EngineOptions& checked(const EngineOptions& options) {
    if (options.precision == Precision::strict) return options;
    throw UnavailableError("trainer.precision = " + std::string(shoal::name(options.precision)) +
                           ": engine cuda computes in strict precision only");
  }

  [[nodiscard]] Place occupied(Slot slot) const {
    const Place place = places_.at(slot);
    if (!gangs_[place.gang].occupied(place.index)) {
      throw Error("engine cuda: there is no network at place " + std::to_string(slot));
    }
    return place;
  }

  EngineOptions options_;
  cuda::Stream stream_;
  cuda::DeviceTable table_;
  cuda::Training training_;
  cuda::Probe probe_;
  mutable std::vector<cuda::DeviceGang> gangs_;  ///< reading a place may refresh the host's copy
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options) {
  return std::make_unique<CudaEngine>(dataset, options, nullptr);
}

std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime& time) {
  return std::make_unique<CudaEngine>(dataset, options, &time);
}

}  // namespace shoal
