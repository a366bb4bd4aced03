#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/metric.hpp"
#include "shoal/trial.hpp"

/// What every engine shares of docs/numerics.md: which rows come when, at which rate, and what is measured. Nothing
/// here depends on how an engine computes; the reference engine gets its inputs from here and its arithmetic from
/// itself.
namespace shoal {

/// The training rows of epoch `epoch` (0-based) in their order: indices into split.training, each once.
[[nodiscard]] std::vector<std::uint32_t> epoch_order(const Trial& trial, std::uint32_t n_rows, std::uint32_t epoch);
/// The same into `order`, whose size is the number of rows.
void fill_epoch_order(const Trial& trial, std::uint32_t epoch, std::span<std::uint32_t> order);

/// The learning rate of epoch `epoch` (0-based), computed in double and rounded once.
/// n_rate_drops: of an adaptive schedule, TrialState's.
[[nodiscard]] float epoch_rate(const Trial& trial, std::uint32_t n_rows, std::uint32_t epoch,
                               std::uint32_t n_rate_drops = 0);

/// Factor of the rate of each layer: layer_rate once for every layer above it.
[[nodiscard]] std::vector<double> layer_rates(const Trial& trial);

/// alpha of the objective's L2 penalty: 0 under adamw, which decays the weights itself.
[[nodiscard]] inline double l2_penalty(const Hyperparameters& h) { return h.solver == Solver::adamw ? 0 : h.alpha; }

/// Weights of the classes in training, [classes]: training rows / (classes * rows of the class); empty where the trial
/// has none.
[[nodiscard]] std::vector<float> class_weights(const Dataset& dataset, const Split& split, ClassWeight kind);
/// Weight of a row in training: the table's times that of its class.
[[nodiscard]] float training_weight(const Dataset& dataset, std::span<const float> class_weights, std::uint32_t row);

/// Mean of row losses as training weighs them; losses: unweighted, one a row.
[[nodiscard]] double mean_row_loss(const Dataset& dataset, const Trial& trial, std::span<const std::uint32_t> rows,
                                   std::span<const float> losses);

/// Dropout's factors of the units of hidden layer `l` for the row at `position` of the minibatch after `step` others.
[[nodiscard]] std::vector<float> dropout_row(const Trial& trial, std::uint64_t step, std::size_t l,
                                             std::size_t position);

/// Rows of a minibatch: the trial's batch_size, all rows where it is 0 or larger than they are.
[[nodiscard]] std::uint32_t rows_in_minibatch(const Trial& trial, std::uint32_t n_rows);

/// Rows of an epoch of a gang's networks.
struct EpochRows {
  std::uint32_t n_training = 0, n_validation = 0;
  std::uint32_t batch = 1;  ///< rows of a minibatch

  [[nodiscard]] std::uint32_t n_minibatches() const { return (n_training + batch - 1) / batch; }
};
[[nodiscard]] EpochRows epoch_rows(const GangKey& key, const Dataset& dataset);

/// An epoch of all that is planned with a gang, were all of it like the gang: which kernel is sooner is a question of
/// the machine's whole work where there is much, of one gang's where there is little.
[[nodiscard]] double seconds_in_company(const Prediction& prediction, const Gang& gang);
/// The soonest first; of equals, as they stood.
void rank(std::vector<Prediction>& predictions, const Gang& gang);

/// Target of binary cross-entropy or the index of the class, and what an output of this row should be.
/// targets: [n_outputs], scaled as `split` says; for classes with cross_entropy it is one-hot.
void fill_target(const Dataset& dataset, const Split& split, Loss loss, std::uint32_t row, std::span<float> targets);

/// Inputs as the networks see them: is_nan(x) ? fill : (x - offset) * factor, in float. raw, scaled: [rows, n_inputs].
void scale_inputs(const InputScaling& scaling, std::span<const float> raw, std::span<float> scaled);

/// Outputs of a network as the table has them: probabilities of all classes or labels, or values in the table's units.
/// raw: [rows, n_outputs], as Engine::predict gives them; result: [rows, n_targets], in double.
[[nodiscard]] std::vector<double> table_outputs(const Dataset& dataset, const Split& split, std::size_t n_outputs,
                                                std::span<const float> raw);

/// Outputs of a network for a dataset and a loss: its targets; one for two classes under binary cross-entropy.
[[nodiscard]] std::int32_t n_outputs(const Dataset& dataset, Loss loss);

/// What the validation rows of a split have in common where a metric is not defined on them, whatever a network gives:
/// "are of one class". Empty where it is.
[[nodiscard]] std::string why_undefined(Metric metric, const Dataset& dataset, const Split& split);

/// Collects MetricSums over rows that arrive in canonical order. Row losses and errors are added as sum32 in double,
/// counts are whole numbers. With all metrics it also keeps the scores that auc ranks.
class MetricCollector {
 public:
  /// `only`: the metric that will be asked for, to spare the work of the others; empty: all.
  MetricCollector(const Dataset& dataset, const Split& split, Loss loss, std::optional<Metric> only);
  ~MetricCollector();
  MetricCollector(MetricCollector&&) noexcept;
  MetricCollector& operator=(MetricCollector&&) noexcept;

  /// What one with all metrics keeps of the rows, at most, and what sums() takes beside it meanwhile.
  [[nodiscard]] static std::uint64_t kept_bytes(const Dataset& dataset, const Split& split);
  [[nodiscard]] static std::uint64_t ranking_bytes(const Dataset& dataset, const Split& split);

  /// Starts anew.
  void clear();
  /// outputs: [n_outputs] after softmax or sigmoid, scaled units in regression. `loss`: of this row, unweighted.
  void add(std::uint32_t row, float loss, std::span<const float> outputs);
  [[nodiscard]] MetricSums sums() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoal
