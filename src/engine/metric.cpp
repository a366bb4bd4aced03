// Metrics as quotients of sums and counts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double a, double b) { return b == 0 ? kNaN : a / b; }
double as_double(std::uint64_t n) { return static_cast<double>(n); }

double total(const std::vector<std::uint64_t>& counts) {
  return as_double(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}

/// The mean of value(k) over the k for which it is defined.
template <class Value>
double mean_of_defined(std::size_t n, Value value) {
  double sum = 0;
  double n_defined = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double v = value(k);
    if (std::isnan(v)) continue;
    sum += v;
    n_defined += 1;
  }
  return ratio(sum, n_defined);
}

double accuracy(Task task, const MetricSums& s) {
  if (task == Task::classification) return ratio(total(s.n_true_positive), as_double(s.n_rows));
  // Multilabel: the share of right labels, over all rows and labels.
  const double wrong = total(s.n_actual) + total(s.n_predicted) - 2 * total(s.n_true_positive);
  const double all = as_double(s.n_rows) * static_cast<double>(s.n_actual.size());
  return ratio(all - wrong, all);
}

double macro_f1(const MetricSums& s) {
  return mean_of_defined(s.n_actual.size(), [&](std::size_t k) {
    return ratio(2 * as_double(s.n_true_positive[k]), as_double(s.n_actual[k] + s.n_predicted[k]));
  });
}

/// Macro average of recall; for labels, of each label's recall and specificity.
double balanced_accuracy(Task task, const MetricSums& s) {
  return mean_of_defined(s.n_actual.size(), [&](std::size_t k) {
    const double recall = ratio(as_double(s.n_true_positive[k]), as_double(s.n_actual[k]));
    if (task == Task::classification) return recall;
    const double negatives = as_double(s.n_rows - s.n_actual[k]);
    const double true_negatives = negatives - as_double(s.n_predicted[k] - s.n_true_positive[k]);
    return 0.5 * (recall + ratio(true_negatives, negatives));
  });
}

double auc(const MetricSums& s) {
  return mean_of_defined(s.n_ordered_pairs.size(), [&](std::size_t k) {
    // Two classes and one output: the pairs of the second class.
    const std::size_t positive_class = s.n_ordered_pairs.size() == 1 && s.n_actual.size() == 2 ? 1 : k;
    const double positives = as_double(s.n_actual[positive_class]);
    const double negatives = as_double(s.n_rows) - positives;
    return ratio(as_double(s.n_ordered_pairs[k]), 2 * positives * negatives);
  });
}

}  // namespace

double metric_value(Metric metric, Task task, const MetricSums& s) {
  const bool has_errors = !s.squared_error.empty();
  const bool has_counts = !s.n_actual.empty();
  const double n = as_double(s.n_rows);
  const auto need = [&](bool there) {
    if (!there) throw Error(std::string(name(metric)) + " cannot be had from these sums");
  };
  switch (metric) {
    case Metric::val_loss:
    case Metric::train_loss:
      return ratio(s.loss, s.weight);
    case Metric::val_accuracy:
      need(has_counts);
      return accuracy(task, s);
    case Metric::val_balanced_accuracy:
      need(has_counts);
      return balanced_accuracy(task, s);
    case Metric::val_macro_f1:
      need(has_counts);
      return macro_f1(s);
    case Metric::val_auc:
      need(!s.n_ordered_pairs.empty());
      return auc(s);
    case Metric::val_rmse:
      need(has_errors);
      return mean_of_defined(s.squared_error.size(), [&](std::size_t o) { return std::sqrt(s.squared_error[o] / n); });
    case Metric::val_mae:
      need(has_errors);
      return mean_of_defined(s.absolute_error.size(), [&](std::size_t o) { return s.absolute_error[o] / n; });
    case Metric::val_r2:
      need(has_errors);
      return mean_of_defined(s.squared_error.size(), [&](std::size_t o) {
        const double spread = s.target_squares[o] - s.target_sum[o] * s.target_sum[o] / n;
        return spread > 0 ? 1.0 - s.squared_error[o] / spread : kNaN;
      });
  }
  return kNaN;
}

std::string why_undefined(Metric metric, const Dataset& dataset, const Split& split) {
  const std::vector<std::uint32_t>& rows = split.validation;
  const auto differ = [&](auto&& value_of) {
    return std::ranges::any_of(rows, [&](std::uint32_t row) { return value_of(row) != value_of(rows.front()); });
  };
  const auto n_targets = static_cast<std::size_t>(dataset.n_targets());
  const auto any_target_differs = [&](auto&& of) {
    for (std::size_t k = 0; k < n_targets; ++k) {
      if (differ([&](std::uint32_t row) { return of(dataset.targets[row * n_targets + k]); })) return true;
    }
    return false;
  };
  if (metric == Metric::val_auc && dataset.task() == Task::classification) {
    return differ([&](std::uint32_t row) { return dataset.labels[row]; }) ? "" : "are of one class";
  }
  if (metric == Metric::val_auc) {
    return any_target_differs([](float target) { return target > 0.5F; }) ? "" : "have the same labels";
  }
  if (metric == Metric::val_r2) {
    return any_target_differs([](float target) { return target; }) ? "" : "have the same target";
  }
  return {};
}

/// A row's score, and whether it is positive.
using Ranked = std::pair<float, bool>;

struct MetricCollector::State {
  const Dataset* dataset;
  const Split* split;
  Loss loss;
  bool counts;  ///< of classes or labels
  bool errors;  ///< of regression outputs
  bool ranks;   ///< scores for auc
  math::Sum32 loss_sum, weight_sum;
  std::uint64_t n_rows = 0;
  std::vector<math::Sum32> squared, absolute, target_sum, target_squares;
  std::vector<std::uint64_t> n_actual, n_predicted, n_true_positive;
  std::vector<float> scores;        ///< [n_rows, n_scores]
  std::vector<std::uint32_t> rows;  ///< of the table, in order of arrival

  [[nodiscard]] bool is_positive(std::uint32_t row, std::size_t k, std::size_t n_scores) const {
    if (dataset->task() == Task::classification) {
      return static_cast<std::size_t>(dataset->labels[row]) == (n_scores == 1 ? 1 : k);
    }
    return dataset->targets[static_cast<std::size_t>(row) * n_scores + k] > 0.5F;
  }

  void count_class(std::uint32_t row, std::span<const float> outputs) {
    std::size_t predicted = 0;
    if (outputs.size() == 1) {
      predicted = outputs[0] > 0.5F ? 1 : 0;
    } else {
      for (std::size_t k = 1; k < outputs.size(); ++k) {
        if (outputs[k] > outputs[predicted]) predicted = k;
      }
    }
    const auto actual = static_cast<std::size_t>(dataset->labels[row]);
    ++n_actual[actual];
    ++n_predicted[predicted];
    if (actual == predicted) ++n_true_positive[actual];
  }

  void count_labels(std::uint32_t row, std::span<const float> outputs) {
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const bool actual = is_positive(row, k, outputs.size());
      const bool predicted = outputs[k] > 0.5F;
      n_actual[k] += actual ? 1 : 0;
      n_predicted[k] += predicted ? 1 : 0;
      n_true_positive[k] += actual && predicted ? 1 : 0;
    }
  }

  void add_errors(std::uint32_t row, std::span<const float> outputs) {
    const TargetScaling& scaling = split->targets;
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const float stored = dataset->targets[static_cast<std::size_t>(row) * outputs.size() + o];
      const float target = (stored - scaling.offset[o]) * scaling.factor[o];
      const double error = static_cast<double>(outputs[o] - target) * scaling.unit[o];
      const double centred = static_cast<double>(stored) - static_cast<double>(scaling.offset[o]);
      squared[o].add(error * error);
      absolute[o].add(std::abs(error));
      target_sum[o].add(centred);
      target_squares[o].add(centred * centred);
    }
  }

  /// 2 * (pairs of a positive scored above a negative) + ties. `ranked` is overwritten.
  [[nodiscard]] std::uint64_t ordered_pairs(std::size_t k, std::size_t n_scores, std::vector<Ranked>& ranked) const {
    ranked.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ranked.emplace_back(scores[i * n_scores + k], is_positive(rows[i], k, n_scores));
    }
    std::ranges::sort(ranked);
    std::uint64_t pairs = 0;
    std::uint64_t negatives_below = 0;
    for (std::size_t i = 0; i < ranked.size();) {
      std::uint64_t positives = 0;
      std::uint64_t negatives = 0;
      std::size_t j = i;
      for (; j < ranked.size() && ranked[j].first == ranked[i].first; ++j) ++(ranked[j].second ? positives : negatives);
      if (j == i) break;  // NaN: no order
      pairs += positives * (2 * negatives_below + negatives);
      negatives_below += negatives;
      i = j;
    }
    return pairs;
  }
};

MetricCollector::MetricCollector(const Dataset& dataset, const Split& split, Loss loss, std::optional<Metric> only)
    : state_(std::make_unique<State>()) {
  const auto wants = [&](std::initializer_list<Metric> metrics) {
    return !only || std::ranges::find(metrics, *only) != metrics.end();
  };
  state_->dataset = &dataset;
  state_->split = &split;
  state_->loss = loss;
  const bool regression = dataset.task() == Task::regression;
  state_->errors = regression && wants({Metric::val_rmse, Metric::val_mae, Metric::val_r2});
  state_->ranks = !regression && wants({Metric::val_auc});
  state_->counts = !regression &&
                   wants({Metric::val_accuracy, Metric::val_balanced_accuracy, Metric::val_macro_f1, Metric::val_auc});
  clear();
}

MetricCollector::~MetricCollector() = default;
MetricCollector::MetricCollector(MetricCollector&&) noexcept = default;
MetricCollector& MetricCollector::operator=(MetricCollector&&) noexcept = default;

void MetricCollector::clear() {
  State& s = *state_;
  const auto n = static_cast<std::size_t>(s.dataset->n_targets());
  s.loss_sum = s.weight_sum = math::Sum32();
  s.n_rows = 0;
  if (s.errors) {
    for (auto* sums : {&s.squared, &s.absolute, &s.target_sum, &s.target_squares}) sums->assign(n, math::Sum32());
  }
  if (s.counts) {
    for (auto* counts : {&s.n_actual, &s.n_predicted, &s.n_true_positive}) counts->assign(n, 0);
  }
  s.scores.clear();
  s.rows.clear();
}

std::uint64_t MetricCollector::kept_bytes(const Dataset& dataset, const Split& split) {
  if (dataset.task() == Task::regression) return 0;
  const std::uint64_t n_rows = std::max(split.validation.size(), dataset.test.size());
  return n_rows * (static_cast<std::uint64_t>(dataset.n_targets()) * sizeof(float) + sizeof(std::uint32_t));
}

std::uint64_t MetricCollector::ranking_bytes(const Dataset& dataset, const Split& split) {
  if (dataset.task() == Task::regression) return 0;
  return std::max(split.validation.size(), dataset.test.size()) * sizeof(Ranked);
}

void MetricCollector::add(std::uint32_t row, float loss, std::span<const float> outputs) {
  State& s = *state_;
  const double weight = s.dataset->weights.empty() ? 1.0 : static_cast<double>(s.dataset->weights[row]);
  s.loss_sum.add(weight * static_cast<double>(loss));
  s.weight_sum.add(weight);
  ++s.n_rows;
  if (s.errors) s.add_errors(row, outputs);
  if (s.counts && s.dataset->task() == Task::classification) s.count_class(row, outputs);
  if (s.counts && s.dataset->task() == Task::multilabel) s.count_labels(row, outputs);
  if (s.ranks) {
    // Two classes with two outputs are one ranking, by the second one's probability.
    const std::span<const float> kept =
        s.dataset->task() == Task::classification && outputs.size() == 2 ? outputs.subspan(1) : outputs;
    if (s.rows.empty()) {
      const std::size_t n_rows = std::max(s.split->validation.size(), s.dataset->test.size());
      s.scores.reserve(n_rows * kept.size());
      s.rows.reserve(n_rows);
    }
    s.scores.insert(s.scores.end(), kept.begin(), kept.end());
    s.rows.push_back(row);
  }
}

MetricSums MetricCollector::sums() const {
  const State& s = *state_;
  MetricSums out;
  out.loss = s.loss_sum.total();
  out.weight = s.weight_sum.total();
  out.n_rows = s.n_rows;
  const auto totals = [](const std::vector<math::Sum32>& sums) {
    std::vector<double> values;
    for (const math::Sum32& sum : sums) values.push_back(sum.total());
    return values;
  };
  out.squared_error = totals(s.squared);
  out.absolute_error = totals(s.absolute);
  out.target_sum = totals(s.target_sum);
  out.target_squares = totals(s.target_squares);
  out.n_actual = s.n_actual;
  out.n_predicted = s.n_predicted;
  out.n_true_positive = s.n_true_positive;
  if (s.ranks && s.n_rows > 0) {
    const std::size_t n_scores = s.scores.size() / s.n_rows;
    std::vector<Ranked> ranked;
    ranked.reserve(s.rows.size());
    for (std::size_t k = 0; k < n_scores; ++k) out.n_ordered_pairs.push_back(s.ordered_pairs(k, n_scores, ranked));
  }
  return out;
}

}  // namespace shoal
