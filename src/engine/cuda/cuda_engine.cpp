#include "engine/cuda/cuda_engine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cuda/blas.hpp"
#include "engine/cuda/cohorts.hpp"
#include "engine/cuda/device_gangs.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/kernel_choice.hpp"
#include "engine/cuda/probe.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/cuda/training.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/error.hpp"

namespace shoal {
namespace {

/// What trains networks that no block holds, made when the first of them is seen: cuBLAS need not be there without.
template <class T>
class Layerwise {
 public:
  Layerwise(const EngineOptions& options, cuda::DeviceTable& table, const cuda::Stream& stream)
      : options_(options), table_(&table), stream_(&stream) {}

  [[nodiscard]] cuda::Cohorts<T>& cohorts() {
    if (cohorts_) return *cohorts_;
    if (options_.precision != Precision::strict) make_blas();
    return cohorts_.emplace(options_, *table_, blas_ ? &*blas_ : nullptr, *stream_);
  }
  [[nodiscard]] bool has_any() const { return cohorts_.has_value(); }
  [[nodiscard]] bool has(Slot slot) const { return cohorts_ && cohorts_->has(slot); }
  /// What it takes of the device beside its networks.
  [[nodiscard]] std::uint64_t shared_bytes(std::span<const Gang> gangs) {
    const std::uint64_t of_gangs = gangs.empty() ? 0 : cohorts().shared_bytes(gangs);
    return of_gangs + (blas_ ? cuda::Blas::workspace_bytes() : 0);
  }

 private:
  void make_blas() {
    try {
      blas_.emplace(options_.precision, *stream_);
    } catch (const UnavailableError& error) {
      throw UnavailableError("engine cuda: in trainer.precision = " + std::string(name(options_.precision)) +
                             " networks that shared memory does not hold need cuBLAS: " + error.what());
    }
  }

  EngineOptions options_;
  cuda::DeviceTable* table_;
  const cuda::Stream* stream_;
  std::optional<cuda::Blas> blas_;
  std::optional<cuda::Cohorts<T>> cohorts_;
};

/// T: of operands of products layer by layer.
template <class T>
class CudaEngine final : public Engine {
 public:
  CudaEngine(const Dataset& dataset, const EngineOptions& options, KernelTime* time)
      : table_(dataset, stream_),
        choice_(options, table_),
        time_(time),
        training_(options, table_, stream_, time),
        probe_(table_, stream_),
        gangs_(options, table_, stream_),
        layerwise_(options, table_, stream_) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }
  [[nodiscard]] std::string why_not(const Trial& trial) const override { return choice_.why_not(trial); }
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const override {
    return cuda::may_have_threads(key, table_.has_row_weights()) ? cuda::kNetworksInBlock : 1;
  }
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const override {
    return choice_.predictions(gang);
  }

  [[nodiscard]] std::vector<std::string> notes() const override { return gangs_.notes(); }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    if (goes_by_layers(gang)) return layerwise_.cohorts().bytes_per_slot(gang);
    return gangs_.bytes_per_slot(gang) + training_.bytes_per_slot(gang);
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    const auto [narrow, wide] = by_kind(gangs);
    return cuda::DeviceTable::bytes(table_.dataset()) + training_.shared_bytes(narrow) + probe_.bytes(narrow) +
           layerwise_.shared_bytes(wide);
  }
  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device_bytes_; }

  void prepare(std::span<const Gang> gangs) override {
    // All that was there goes first: the two together were never planned.
    gangs_.release();
    training_.release();
    probe_.release();
    if (layerwise_.has_any()) layerwise_.cohorts().release();
    table_.upload_folds();
    const auto [narrow, wide] = by_kind(gangs);
    gangs_.prepare(narrow);
    training_.prepare(narrow, gangs_);
    probe_.prepare(narrow);
    if (!wide.empty()) layerwise_.cohorts().prepare(wide);
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    layerwise_.has(slot) ? layerwise_.cohorts().place(slot, trial, state) : gangs_.place(slot, trial, state);
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    std::vector<TrainTarget> narrow;
    std::vector<TrainTarget> wide;
    for (const TrainTarget& target : targets) (layerwise_.has(target.slot) ? wide : narrow).push_back(target);
    gangs_.set_targets(narrow);
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested() && training_.run(gangs_, records)) {
    }
    if (!wide.empty()) layerwise_.cohorts().train(wide, stop, records, lost);
    if (time_ != nullptr && !wide.empty()) time_->is_whole = false;
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<cuda::ProbedNetwork> narrow;
    std::vector<Slot> wide;
    for (const Slot slot : slots) {
      if (layerwise_.has(slot)) {
        wide.push_back(slot);
      } else {
        narrow.push_back({gangs_.key(slot), gangs_.hyperparameters(slot), gangs_.weights(slot)});
      }
    }
    const std::vector<MetricSums> of_narrow = probe_.measure(narrow, set);
    const std::vector<MetricSums> of_wide =
        wide.empty() ? std::vector<MetricSums>{} : layerwise_.cohorts().evaluate(wide, set);
    std::vector<MetricSums> sums;
    auto next_narrow = of_narrow.begin();
    auto next_wide = of_wide.begin();
    for (const Slot slot : slots) sums.push_back(layerwise_.has(slot) ? *next_wide++ : *next_narrow++);
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    return layerwise_.has(slot) ? layerwise_.cohorts().read(slot) : gangs_.read(slot);
  }
  TrialState take(Slot slot) override {
    if (layerwise_.has(slot)) return layerwise_.cohorts().take(slot);
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
  [[nodiscard]] bool goes_by_layers(const Gang& gang) const { return choice_.of(gang) == cuda::Way::layers; }
  /// Those that blocks or threads train, and those that go by layers.
  [[nodiscard]] Kinds by_kind(std::span<const Gang> gangs) const {
    Kinds kinds;
    for (const Gang& gang : gangs) (goes_by_layers(gang) ? kinds.wide : kinds.narrow).push_back(gang);
    return kinds;
  }

  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::DeviceTable table_;
  cuda::KernelChoice choice_;
  KernelTime* time_;
  cuda::Training training_;
  cuda::Probe probe_;
  mutable cuda::DeviceGangs gangs_;  ///< reading a place may refresh the host's copy
  mutable Layerwise<T> layerwise_;   ///< made when planning first needs it
};

std::unique_ptr<Engine> made(const Dataset& dataset, const EngineOptions& options, KernelTime* time) {
  if (options.precision == Precision::bf16) return std::make_unique<CudaEngine<math::Bfloat16>>(dataset, options, time);
  return std::make_unique<CudaEngine<float>>(dataset, options, time);
}

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options) {
  return made(dataset, options, nullptr);
}

std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime& time) {
  return made(dataset, options, &time);
}

}  // namespace shoal
