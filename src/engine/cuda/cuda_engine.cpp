#include "engine/cuda/cuda_engine.hpp"

#include <cstdint>
#include <optional>
#include <string>

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
      : table_(dataset, stream_),
        training_(options, table_, stream_, time),
        probe_(table_, stream_),
        gangs_(options, table_, stream_) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return {}; }
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const override {
    return cuda::thread_kernel_of(key) < cuda::shapes().size() ? cuda::kNetworksInBlock : 1;
  }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    return gangs_.bytes_per_slot(gang) + training_.bytes_per_slot(gang);
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    return cuda::DeviceTable::bytes(table_.dataset()) + training_.shared_bytes(gangs) + probe_.bytes(gangs);
  }
  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device_bytes_; }

  void prepare(std::span<const Gang> gangs) override {
    // All that was there goes first: the two together were never planned.
    gangs_.release();
    training_.release();
    probe_.release();
    table_.upload_folds();
    gangs_.prepare(gangs);
    training_.prepare(gangs);
    probe_.prepare(gangs);
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override { gangs_.place(slot, trial, state); }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>&) override {
    gangs_.set_targets(targets);
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested() && training_.run(gangs_, records)) {
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<cuda::ProbedNetwork> networks;
    for (const Slot slot : slots)
      networks.push_back({gangs_.key(slot), gangs_.hyperparameters(slot), gangs_.weights(slot)});
    return probe_.measure(networks, set);
  }

  [[nodiscard]] TrialState read(Slot slot) const override { return gangs_.read(slot); }
  TrialState take(Slot slot) override {
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
  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::DeviceTable table_;
  cuda::Training training_;
  cuda::Probe probe_;
  mutable cuda::DeviceGangs gangs_;  ///< reading a place may refresh the host's copy
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
