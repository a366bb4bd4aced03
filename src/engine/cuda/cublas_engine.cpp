#include "engine/cuda/cublas_engine.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "engine/cuda/cohort_outputs.hpp"
#include "engine/cuda/cohorts.hpp"
#include "engine/cuda/kernel_choice.hpp"

namespace shoal {
namespace {

constexpr std::uint32_t kPredictionRows = 4096;
std::uint64_t input_bytes(const Dataset& dataset) { return dataset.inputs.size() * sizeof(float); }

template <class T>
class CublasEngine final : public Engine {
 public:
  CublasEngine(const Dataset& dataset, const EngineOptions& options)
      : options_(options),
        blas_(options.precision, stream_),
        table_(streams_table(dataset, options) ? cuda::DeviceTable(dataset, stream_, options.n_threads)
                                               : cuda::DeviceTable(dataset, stream_)),
        cohorts_(options, table_, &blas_, stream_) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cublas"; }
  [[nodiscard]] std::string why_not(const Trial& trial) const override {
    return cuda::why_not_by_layers(trial.topology, epoch_rows(gang_key(trial), table_.dataset()));
  }
  /// Cohorts are made here, of gangs that differ in shape.
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return 1; }
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const override {
    return {cuda::layers_predicted(options_, gang, epoch_rows(gang.key, table_.dataset()))};
  }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override { return cohorts_.bytes_per_slot(gang); }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    const std::uint64_t on_host = table_.is_streamed() ? input_bytes(table_.dataset()) : 0;
    return cuda::DeviceTable::bytes(table_.dataset()) - on_host + cuda::Blas::workspace_bytes() +
           cohorts_.shared_bytes(gangs);
  }
  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device_bytes_; }

  void prepare(std::span<const Gang> gangs) override {
    cohorts_.release();
    table_.upload_folds();
    cohorts_.prepare(gangs);
  }
  void place(Slot slot, const Trial& trial, const TrialState& state) override { cohorts_.place(slot, trial, state); }
  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    cohorts_.train(targets, stop, records, lost);
  }
  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    return cohorts_.evaluate(slots, set);
  }
  [[nodiscard]] TrialState read(Slot slot) const override { return cohorts_.read(slot); }
  TrialState take(Slot slot) override { return cohorts_.take(slot); }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    const std::size_t n_rows = inputs.size() / static_cast<std::size_t>(trial.topology.n_inputs);
    if (n_rows == 0) return {};
    const std::uint32_t at_a_time = std::min(kPredictionRows, cuda::most_rows_by_layers(trial.topology));
    const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(n_rows, at_a_time));
    return cuda::CohortPass<T>(trial, parameters, most, table_, &blas_, stream_).predict(inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    return cuda::CohortPass<T>(trial, parameters, static_cast<std::uint32_t>(rows.size()), table_, &blas_, stream_)
        .pass(rows);
  }

 private:
  EngineOptions options_;
  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::Blas blas_;
  mutable cuda::DeviceTable table_;  ///< a fold is uploaded when it is first asked for
  cuda::Cohorts<T> cohorts_;
};

}  // namespace

bool streams_table(const Dataset& dataset, const EngineOptions& options) {
  const std::uint64_t memory = options.memory_bytes > 0 ? options.memory_bytes : cuda::free_device_bytes();
  return input_bytes(dataset) > memory / 2;
}

std::unique_ptr<Engine> make_cublas_engine(const Dataset& dataset, const EngineOptions& options) {
  if (options.precision == Precision::bf16) return std::make_unique<CublasEngine<math::Bfloat16>>(dataset, options);
  return std::make_unique<CublasEngine<float>>(dataset, options);
}

}  // namespace shoal
