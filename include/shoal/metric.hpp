#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace shoal {

enum class Task : std::uint8_t { classification, regression, multilabel };

enum class Metric : std::uint8_t {
  val_loss,
  val_accuracy,
  val_balanced_accuracy,
  val_macro_f1,
  val_auc,
  val_rmse,
  val_mae,
  val_r2,
  train_loss,
};
inline constexpr std::size_t kMetricCount = 9;

[[nodiscard]] std::string_view name(Task value);
[[nodiscard]] std::optional<Task> task_named(std::string_view word);
[[nodiscard]] std::string_view name(Metric value);
[[nodiscard]] std::optional<Metric> metric_named(std::string_view word);
[[nodiscard]] std::span<const std::string_view> metric_names();
/// Whether a larger value of the metric is better when the sweep file does not say.
[[nodiscard]] bool larger_is_better(Metric value);
/// Whether the metric means something for the task (val_rmse does not for classes).
[[nodiscard]] bool metric_applies(Metric value, Task task);

/// Raw sums and counts of one network over one set of rows; metrics are quotients of these (docs/numerics.md).
/// Losses are in scaled units and weighted by the rows' weights; everything else counts each row once.
struct MetricSums {
  double loss = 0;    ///< sum over rows of weight * loss
  double weight = 0;  ///< sum of the weights; the number of rows where there are none
  std::uint64_t n_rows = 0;
  std::vector<double> squared_error;           ///< one an output, regression only, in the table's units
  std::vector<double> absolute_error;          ///< likewise
  std::vector<double> target_sum;              ///< one an output: sum of t - target_centre, for r2
  std::vector<double> target_squares;          ///< sum of (t - target_centre)^2
  std::vector<std::uint64_t> n_actual;         ///< rows of each class (multilabel: rows with the label)
  std::vector<std::uint64_t> n_predicted;      ///< rows predicted as each class
  std::vector<std::uint64_t> n_true_positive;  ///< rows of each class predicted as it
  std::vector<std::uint64_t> n_ordered_pairs;  ///< one an output: 2 * (positive scored above negative) + ties; for auc
};

/// The value of `metric` from the sums over validation rows. NaN where it is not defined (auc of a class without rows).
/// Throws Error where the sums do not hold what the metric needs.
[[nodiscard]] double metric_value(Metric metric, Task task, const MetricSums& validation);

}  // namespace shoal
