#include "engine/cuda/cuda_engine.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include "engine/cuda/cohorts.hpp"
#include "engine/cuda/device_gangs.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/probe.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/cuda/training.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/error.hpp"

namespace shoal {
namespace {

class CudaEngine final : public Engine {
 public:
  CudaEngine(const Dataset& dataset, const EngineOptions& options, KernelTime* time)
      : metric_(cuda::watched_metric(options.metric)),
        table_(dataset, stream_),
        training_(options, table_, stream_, time),
        probe_(table_, stream_),
        gangs_(options, table_, stream_),
        cohorts_(options, table_, nullptr, stream_) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return {}; }
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const override {
    return cuda::has_block_alone(key) ? 1 : cuda::kNetworksInBlock;
  }
  [[nodiscard]] std::string_view kernel(const Gang& gang) const override {
    if (cuda::goes_by_layers(gang, metric_)) return "strict_layers";
    return cuda::has_block_alone(gang.key) ? "block_per_network" : "thread_per_network";
  }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    if (cuda::goes_by_layers(gang, metric_)) return cohorts_.bytes_per_slot(gang);
    return gangs_.bytes_per_slot(gang) + training_.bytes_per_slot(gang);
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    const auto [narrow, wide] = by_kind(gangs);
    return cuda::DeviceTable::bytes(table_.dataset()) + training_.shared_bytes(narrow) + probe_.bytes(narrow) +
           cohorts_.shared_bytes(wide);
  }
  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device_bytes_; }

  void prepare(std::span<const Gang> gangs) override {
    // All that was there goes first: the two together were never planned.
    gangs_.release();
    training_.release();
    probe_.release();
    cohorts_.release();
    table_.upload_folds();
    const auto [narrow, wide] = by_kind(gangs);
    gangs_.prepare(narrow);
    training_.prepare(narrow);
    probe_.prepare(narrow);
    cohorts_.prepare(wide);
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    cohorts_.has(slot) ? cohorts_.place(slot, trial, state) : gangs_.place(slot, trial, state);
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    std::vector<TrainTarget> narrow;
    std::vector<TrainTarget> wide;
    for (const TrainTarget& target : targets) (cohorts_.has(target.slot) ? wide : narrow).push_back(target);
    gangs_.set_targets(narrow);
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested() && training_.run(gangs_, records)) {
    }
    cohorts_.train(wide, stop, records, lost);
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<cuda::ProbedNetwork> narrow;
    std::vector<Slot> wide;
    for (const Slot slot : slots) {
      if (cohorts_.has(slot)) {
        wide.push_back(slot);
      } else {
        narrow.push_back({gangs_.key(slot), gangs_.hyperparameters(slot), gangs_.weights(slot)});
      }
    }
    const std::vector<MetricSums> of_narrow = probe_.measure(narrow, set);
    const std::vector<MetricSums> of_wide = cohorts_.evaluate(wide, set);
    std::vector<MetricSums> sums;
    auto next_narrow = of_narrow.begin();
    auto next_wide = of_wide.begin();
    for (const Slot slot : slots) sums.push_back(cohorts_.has(slot) ? *next_wide++ : *next_narrow++);
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    return cohorts_.has(slot) ? cohorts_.read(slot) : gangs_.read(slot);
  }
  TrialState take(Slot slot) override {
    if (cohorts_.has(slot)) return cohorts_.take(slot);
    TrialState state = gangs_.read(slot);
    gangs_.free(slot);
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    return probe_.predict(trial, parameters, inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    return probe_.pass(trial, parameters, rows);
  }

 private:
  struct Kinds {
    std::vector<Gang> narrow, wide;
  };
  /// Those that blocks or threads train, and those that go by layers.
  [[nodiscard]] Kinds by_kind(std::span<const Gang> gangs) const {
    Kinds kinds;
    for (const Gang& gang : gangs) (cuda::goes_by_layers(gang, metric_) ? kinds.wide : kinds.narrow).push_back(gang);
    return kinds;
  }

  cuda::WatchedMetric metric_;
  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::DeviceTable table_;
  cuda::Training training_;
  cuda::Probe probe_;
  mutable cuda::DeviceGangs gangs_;  ///< reading a place may refresh the host's copy
  cuda::Cohorts<float> cohorts_;
};

void refuse_fast_precision(const EngineOptions& options) {
  if (options.precision == Precision::strict) return;
  throw UnavailableError("trainer.precision = " + std::string(name(options.precision)) +
                         ": engine cuda computes in strict precision only");
}

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options) {
  refuse_fast_precision(options);
  return std::make_unique<CudaEngine>(dataset, options, nullptr);
}

std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime& time) {
  refuse_fast_precision(options);
  return std::make_unique<CudaEngine>(dataset, options, &time);
}

}  // namespace shoal
