#include "engine/cuda/cublas_engine.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/cuda/cohort_outputs.hpp"
#include "engine/cuda/cohort_training.hpp"
#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

/// Validation rows at a time where minibatches are smaller.
constexpr std::uint32_t kEvaluationRows = 256;
constexpr std::uint32_t kPredictionRows = 4096;
/// Rows times epochs, and those times parameters of a network, that the device is given at a time: a stop is heard
/// between. One epoch is the least.
constexpr std::uint64_t kRowsHandedOver = 1U << 19;
constexpr std::uint64_t kProductsHandedOver = std::uint64_t{1} << 32;
constexpr std::uint64_t kMostEpochs = 64;

const std::map<Metric, cuda::WatchedMetric>& watched_metrics() {
  static const std::map<Metric, cuda::WatchedMetric> metrics{
      {Metric::val_loss, cuda::WatchedMetric::val_loss},
      {Metric::train_loss, cuda::WatchedMetric::train_loss},
      {Metric::val_accuracy, cuda::WatchedMetric::val_accuracy},
  };
  return metrics;
}

std::uint64_t input_bytes(const Dataset& dataset) { return dataset.inputs.size() * sizeof(float); }

/// Whether inputs would take so much of the device that they had better come a minibatch at a time.
bool must_stream(const Dataset& dataset, const EngineOptions& options) {
  const std::uint64_t memory = options.memory_bytes > 0 ? options.memory_bytes : cuda::free_device_bytes();
  return input_bytes(dataset) > memory / 2;
}

template <class T>
class CublasEngine final : public Engine {
 public:
  CublasEngine(const Dataset& dataset, const EngineOptions& options)
      : options_(options),
        blas_(options.precision, stream_),
        table_(must_stream(dataset, options) ? cuda::DeviceTable(dataset, stream_, options.n_threads)
                                             : cuda::DeviceTable(dataset, stream_)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "cublas"; }
  [[nodiscard]] std::string why_not(const Trial&) const override {
    if (watched_metrics().contains(options_.metric)) return {};
    return "engine cublas does not compute metric " + std::string(shoal::name(options_.metric)) +
           ", only val_loss, val_accuracy and train_loss";
  }
  /// Cohorts are made here, of gangs that differ in shape.
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return 1; }
  [[nodiscard]] std::string_view kernel(const GangKey&) const override { return "cohort"; }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    const cuda::CohortPlan plan = plan_of(gang.key, {&gang, 1});
    return cuda::network_bytes<T>(cuda::CohortShape(gang.key.topology, plan.most_rows), plan);
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    std::uint64_t bytes = cuda::DeviceTable::bytes(table_.dataset()) + cuda::Blas::workspace_bytes();
    std::uint32_t most_rows = 0;
    for (const auto& [key, of_key] : by_cohort(gangs)) {
      const cuda::CohortPlan plan = plan_of(of_key.front().key, of_key);
      bytes += cuda::shared_bytes<T>(plan, static_cast<std::uint32_t>(of_key.front().key.topology.n_inputs),
                                     table_.n_training(key.fold), table_.most_evaluated(key.fold));
      for (const Gang& gang : of_key) bytes += bytes_for_company(gang, plan);
      most_rows = std::max(most_rows, plan.most_rows);
    }
    if (!table_.is_streamed()) return bytes;
    const auto n_inputs = static_cast<std::size_t>(table_.dataset().n_inputs());
    return bytes - input_bytes(table_.dataset()) + cuda::RowStream::bytes(most_rows, n_inputs);
  }
  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device_bytes_; }

  void prepare(std::span<const Gang> gangs) override {
    cohorts_.clear();
    places_.clear();
    table_.upload_folds();
    for (const auto& [key, of_key] : by_cohort(gangs)) {
      std::vector<Slot> slots;
      for (const Gang& gang : of_key) {
        for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
          if (places_.size() <= slot) places_.resize(slot + 1);
          places_[slot] = {cohorts_.size(), static_cast<std::uint32_t>(slots.size())};
          slots.push_back(slot);
        }
      }
      cohorts_.push_back(std::make_unique<cuda::CohortTraining<T>>(plan_of(of_key.front().key, of_key),
                                                                   std::move(slots), options_, table_, blas_, stream_));
    }
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    const Place& place = places_.at(slot);
    cohorts_[place.cohort]->place(place.member, trial, state);
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    for (const auto& cohort : cohorts_) cohort->clear_targets();
    for (const TrainTarget& target : targets) {
      const Place& place = occupied(target.slot);
      cohorts_[place.cohort]->set_target(place.member, target.epoch);
    }
    // What is handed over ends between epochs, so that a stop loses no network but where a table is streamed.
    for (const auto& cohort : cohorts_) {
      while (!stop.stop_requested() && cohort->train(stop, records, lost)) {
      }
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<MetricSums> sums(slots.size());
    std::map<std::size_t, std::vector<MetricSums*>> wanted;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Place& place = occupied(slots[i]);
      std::vector<MetricSums*>& of_members = wanted[place.cohort];
      if (of_members.size() <= place.member) of_members.resize(place.member + 1);
      of_members[place.member] = &sums[i];
    }
    for (const auto& [cohort, of_members] : wanted) cohorts_[cohort]->evaluate(set, of_members);
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    const Place& place = occupied(slot);
    return cohorts_[place.cohort]->read(place.member);
  }
  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    const Place& place = places_[slot];
    cohorts_[place.cohort]->free(place.member);
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    const std::size_t n_rows = inputs.size() / static_cast<std::size_t>(trial.topology.n_inputs);
    if (n_rows == 0) return {};
    const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(n_rows, kPredictionRows));
    return cuda::CohortPass<T>(trial, parameters, most, table_, blas_, stream_).predict(inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    return cuda::CohortPass<T>(trial, parameters, static_cast<std::uint32_t>(rows.size()), table_, blas_, stream_)
        .pass(rows);
  }

 private:
  struct Place {
    std::size_t cohort = 0;
    std::uint32_t member = 0;
  };

  [[nodiscard]] const Place& occupied(Slot slot) const {
    const Place& place = places_.at(slot);
    if (!cohorts_[place.cohort]->occupied(place.member)) {
      throw Error("engine cublas: there is no network at place " + std::to_string(slot));
    }
    return place;
  }

  [[nodiscard]] static std::map<cuda::CohortKey, std::vector<Gang>> by_cohort(std::span<const Gang> gangs) {
    std::map<cuda::CohortKey, std::vector<Gang>> all;
    for (const Gang& gang : gangs) all[cuda::cohort_key(gang.key)].push_back(gang);
    return all;
  }

  /// For the gangs of one cohort, of which `key` is one.
  [[nodiscard]] cuda::CohortPlan plan_of(const GangKey& key, std::span<const Gang> gangs) const {
    const std::uint32_t n_training = table_.n_training(key.fold);
    const auto n_validation = static_cast<std::uint32_t>(table_.split(key.fold).validation.size());
    Trial trial;  // what rows_in_minibatch reads of one
    trial.hyperparameters.batch_size = key.batch_size;
    cuda::CohortPlan plan;
    plan.key = cuda::cohort_key(key);
    plan.metric = watched_metrics().at(options_.metric);
    plan.most_rows = std::max(rows_in_minibatch(trial, n_training), std::min(n_validation, kEvaluationRows));
    std::uint64_t products = 1;
    for (const Gang& gang : gangs) {
      plan.add(gang);
      products += gang.n_slots * gang.key.topology.n_parameters();
    }
    plan.fuses_relu = plan.members.size() == 1 && !plan.has_dropout;
    const std::uint64_t rows = std::max(1U, n_training);
    plan.most_epochs = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
        std::min(kRowsHandedOver / rows, kProductsHandedOver / products / rows), 1, kMostEpochs));
    return plan;
  }

  /// Of parameter vectors that the gang's networks have only because others of their cohort need them.
  [[nodiscard]] static std::uint64_t bytes_for_company(const Gang& gang, const cuda::CohortPlan& plan) {
    cuda::CohortPlan alone;
    alone.add(gang);
    const std::uint64_t n_vectors = plan.n_vectors() - alone.n_vectors();
    if (n_vectors == 0) return 0;
    return gang.n_slots * n_vectors * cuda::CohortShape(gang.key.topology, 0).n_parameters * sizeof(float);
  }

  EngineOptions options_;
  std::uint64_t device_bytes_ = cuda::free_device_bytes();
  cuda::Stream stream_;
  cuda::Blas blas_;
  mutable cuda::DeviceTable table_;  ///< a fold is uploaded when it is first asked for
  std::vector<std::unique_ptr<cuda::CohortTraining<T>>> cohorts_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<Engine> make_cublas_engine(const Dataset& dataset, const EngineOptions& options) {
  if (options.precision == Precision::strict) {
    throw UnavailableError(
        "trainer.precision = strict: engine cublas computes in fp32, tf32 and bf16, whose sums have no fixed order");
  }
  if (options.precision == Precision::bf16) return std::make_unique<CublasEngine<math::Bfloat16>>(dataset, options);
  return std::make_unique<CublasEngine<float>>(dataset, options);
}

}  // namespace shoal
