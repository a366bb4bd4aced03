#include "shoal/ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <utility>

#include "engine/definition.hpp"
#include "run/chosen_networks.hpp"
#include "run/ensemble_file.hpp"
#include "run/network_outputs.hpp"
#include "run/output_loss.hpp"
#include "shoal/error.hpp"
#include "store/dataset_again.hpp"

namespace shoal {
namespace {

InputError wrong(const std::string& path, std::string message) {
  return InputError(Diagnostic{path, 0, "", std::move(message)});
}

/// Paths in a sweep file are as the user wrote them, and the file's own is as seen from where the sweep was started.
Dataset dataset_of(const store::Manifest& manifest) try {
  return store::dataset_again(manifest);
} catch (const InputError& error) {
  std::vector<Diagnostic> all = error.diagnostics();
  all.push_back(
      {"", 0, "", "an ensemble needs the run's table again, by the path that it had when the sweep was started"});
  throw InputError(std::move(all));
}

Metric metric_of(const store::Manifest& manifest, const EnsembleOptions& options) {
  const Metric metric = options.metric.value_or(manifest.metric);
  if (!metric_applies(metric, manifest.task)) {
    throw InputError(Diagnostic{"", 0, "metric " + std::string(name(metric)),
                                "means nothing for a " + std::string(name(manifest.task)) + " run"});
  }
  if (metric == Metric::train_loss) {
    throw InputError(
        Diagnostic{"", 0, "metric train_loss",
                   "is of the training rows, an ensemble is chosen on the validation rows; --by names another"});
  }
  return metric;
}

/// A network and what it says of the validation rows.
struct Candidate {
  store::StoredNetwork network;
  std::vector<double> outputs;  ///< as Judge has them
  double value = 0;             ///< the metric alone
  std::uint32_t times = 0;      ///< chosen
};

/// The validation rows of one split, and what an average of networks is worth on them. What it averages: outputs,
/// [rows, n_targets], or chances where the metric is a loss of probabilities.
class Judge {
 public:
  Judge(const Dataset& dataset, std::uint32_t fold, Metric metric, const Hyperparameters& hyperparameters)
      : dataset_(dataset),
        split_(dataset.splits.at(fold)),
        metric_(metric),
        by_chances_(metric == Metric::val_loss && dataset.task() != Task::regression),
        hyperparameters_(hyperparameters),
        collector_(dataset, split_, hyperparameters.loss, metric) {
    for (const std::uint32_t row : split_.validation) {
      const std::span<const float> inputs = dataset.row(row);
      rows_.insert(rows_.end(), inputs.begin(), inputs.end());
    }
  }

  [[nodiscard]] std::vector<double> outputs(Engine& engine, const store::StoredNetwork& network) const {
    if (!by_chances_) return run::network_outputs(engine, dataset_, network, rows_);
    std::vector<float> inputs(rows_.size());
    scale_inputs(split_.inputs, rows_, inputs);
    Trial of_numbers = network.trial;  // whose outputs are z
    of_numbers.hyperparameters.loss = Loss::squared_error;
    return run::chances(dataset_, split_.validation, engine.predict(of_numbers, network.parameters, inputs));
  }

  /// The metric of (sums + more) / n.
  [[nodiscard]] double value(std::span<const double> sums, std::span<const double> more, double n) {
    collector_.clear();
    const std::size_t width = sums.size() / std::max<std::size_t>(1, n_rows());
    std::vector<double> mean(width);
    std::vector<float> outputs(static_cast<std::size_t>(dataset_.n_targets()));
    for (std::size_t r = 0; r < n_rows(); ++r) {
      for (std::size_t o = 0; o < width; ++o) mean[o] = (sums[r * width + o] + more[r * width + o]) / n;
      if (!by_chances_)
        std::ranges::transform(mean, outputs.begin(), [](double one) { return static_cast<float>(one); });
      collector_.add(split_.validation[r], loss(split_.validation[r], mean, outputs), outputs);
    }
    return metric_value(metric_, dataset_.task(), collector_.sums());
  }

  [[nodiscard]] std::size_t n_rows() const { return split_.validation.size(); }

 private:
  [[nodiscard]] float loss(std::uint32_t row, std::span<const double> chances, std::span<const float> outputs) const {
    if (by_chances_) return run::chance_loss(chances);
    return metric_ == Metric::val_loss ? run::residual_loss(dataset_, split_, hyperparameters_, row, outputs) : 0.0F;
  }

  const Dataset& dataset_;
  const Split& split_;
  Metric metric_;
  bool by_chances_;
  const Hyperparameters& hyperparameters_;
  MetricCollector collector_;
  std::vector<float> rows_;  ///< encoded, unscaled
};

/// The stored networks of the best one's split, best first.
std::vector<Candidate> candidates_of(const store::RunDirectory& directory, Metric metric, Ensemble& ensemble) {
  std::vector<Candidate> candidates;
  for (const std::string& id : run::best_stored(directory, directory.kept().size())) {
    store::StoredNetwork network = directory.network(id);
    if (candidates.empty()) ensemble.fold = network.trial.fold;
    if (network.trial.fold != ensemble.fold) {
      ++ensemble.n_other_folds;
      continue;
    }
    candidates.push_back({std::move(network), {}, 0, 0});
  }
  if (candidates.empty()) throw wrong(directory.path().string(), "holds no networks to choose from");
  ensemble.n_candidates = static_cast<std::uint32_t>(candidates.size());
  const Hyperparameters& first = candidates.front().network.trial.hyperparameters;
  for (const Candidate& candidate : candidates) {
    const Hyperparameters& other = candidate.network.trial.hyperparameters;
    if (metric == Metric::val_loss && (other.loss != first.loss || other.huber_delta != first.huber_delta)) {
      throw InputError(
          Diagnostic{"", 0, "metric val_loss",
                     "of an average has no meaning where networks have different losses; --by names another"});
    }
  }
  return candidates;
}

/// Caruana's steps. Leaves in `times` what the best average of them consists of.
void select(std::vector<Candidate>& candidates, Judge& judge, std::uint32_t size, Ensemble& ensemble) {
  const auto better = [&](double a, double b) { return std::isnan(b) || (ensemble.maximize ? a > b : a < b); };
  std::vector<double> sums(candidates.front().outputs.size(), 0.0);
  std::vector<std::size_t> choices;
  std::size_t n_best = 0;
  for (std::uint32_t step = 1; step <= size; ++step) {
    std::size_t chosen = 0;
    double value = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const double with = step == 1 ? candidates[c].value : judge.value(sums, candidates[c].outputs, step);
      if (std::isnan(with) || !better(with, value)) continue;
      value = with;
      chosen = c;
    }
    choices.push_back(chosen);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += candidates[chosen].outputs[i];
    if (step > 1 && !better(value, ensemble.value)) continue;
    ensemble.value = value;
    n_best = choices.size();
    if (step > 1) continue;
    ensemble.best_id = candidates[chosen].network.trial.id;
    ensemble.best_value = value;
  }
  for (std::size_t i = 0; i < n_best; ++i) ++candidates[choices[i]].times;
  ensemble.n_choices = static_cast<std::uint32_t>(n_best);
}

}  // namespace

Ensemble select_ensemble(const std::filesystem::path& run, const EnsembleOptions& options) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Manifest& manifest = directory.manifest();
  Ensemble ensemble;
  ensemble.metric = metric_of(manifest, options);
  ensemble.maximize = ensemble.metric == manifest.metric ? manifest.maximize : larger_is_better(ensemble.metric);
  ensemble.file = options.out.empty() ? run::ensemble_file(run) : options.out;
  std::vector<Candidate> candidates = candidates_of(directory, ensemble.metric, ensemble);
  const Dataset dataset = dataset_of(manifest);
  Judge judge(dataset, ensemble.fold, ensemble.metric, candidates.front().network.trial.hyperparameters);
  ensemble.n_rows = judge.n_rows();

  const std::unique_ptr<Engine> engine = make_engine("cpu", dataset, {});
  for (Candidate& candidate : candidates) {
    candidate.outputs = judge.outputs(*engine, candidate.network);
    candidate.value = judge.value(std::vector<double>(candidate.outputs.size(), 0.0), candidate.outputs, 1);
  }
  if (std::ranges::all_of(candidates, [](const Candidate& candidate) { return std::isnan(candidate.value); })) {
    throw InputError(Diagnostic{"", 0, "metric " + std::string(name(ensemble.metric)),
                                "is not defined on the validation rows; --by names another"});
  }
  select(candidates, judge, options.size, ensemble);
  for (const Candidate& candidate : candidates) {
    if (candidate.times == 0) continue;
    const double weight = static_cast<double>(candidate.times) / static_cast<double>(ensemble.n_choices);
    ensemble.members.push_back({candidate.network.trial.id, candidate.times, weight});
  }
  std::ranges::sort(ensemble.members, [](const Ensemble::Member& a, const Ensemble::Member& b) {
    return std::pair(b.times, a.id) < std::pair(a.times, b.id);
  });
  run::write_ensemble(ensemble);
  return ensemble;
}

}  // namespace shoal
