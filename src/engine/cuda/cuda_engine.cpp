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
      : options_(checked(options)),
        table_(dataset, stream_),
        training_(options, table_, stream_, time),
        probe_(table_, stream_),
        gangs_(stream_, options.maximize) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return cuda::why_not(options_); }
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const override {
    return cuda::has_block_alone(key) ? 1 : cuda::kNetworksInBlock;
  }
  [[nodiscard]] std::string_view kernel(const GangKey& key) const override {
    return cuda::has_block_alone(key) ? "block_per_network" : "thread_per_network";
  }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    return cuda::DeviceGangs::bytes_per_slot(gang) + training_.bytes_per_slot(gang);
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

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    refuse_unknown(trial);
    gangs_.place(slot, trial, state);
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>&) override {
    gangs_.set_targets(targets);
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested() && training_.run(gangs_, records)) {
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<MetricSums> sums;
    for (const Slot slot : slots) {
      const std::vector<float> weights = gangs_.weights(slot);
      const GangKey& key = gangs_.key(slot);
      const std::vector<std::uint32_t>& rows =
          set == RowSet::test ? table_.dataset().test : table_.split(key.fold).validation;
      sums.push_back(probe_.measure(key, gangs_.hyperparameters(slot), weights, rows));
    }
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override { return gangs_.read(slot); }
  TrialState take(Slot slot) override {
    TrialState state = gangs_.read(slot);
    gangs_.free(slot);
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    refuse_unknown(trial);
    return probe_.predict(trial, parameters, inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    refuse_unknown(trial);
    return probe_.pass(trial, parameters, rows);
  }

 private:
  static const EngineOptions& checked(const EngineOptions& options) {
    if (options.precision == Precision::strict) return options;
    throw UnavailableError("trainer.precision = " + std::string(shoal::name(options.precision)) +
                           ": engine cuda computes in strict precision only");
  }

  void refuse_unknown(const Trial& trial) const {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
  }

  EngineOptions options_;
  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::DeviceTable table_;
  cuda::Training training_;
  cuda::Probe probe_;
  mutable cuda::DeviceGangs gangs_;  ///< reading a place may refresh the host's copy
};

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options) {
  return std::make_unique<CudaEngine>(dataset, options, nullptr);
}

std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime& time) {
  return std::make_unique<CudaEngine>(dataset, options, &time);
}

}  // namespace shoal
