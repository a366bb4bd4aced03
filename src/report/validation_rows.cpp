#include "report/validation_rows.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "engine/definition.hpp"
#include "report/sampling.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "store/dataset_again.hpp"

namespace shoal::report {
namespace {

constexpr std::size_t kMostClasses = 50;
constexpr std::size_t kMostRows = 2000;

/// Outputs for the validation rows of the network's fold, [row][target], as the table has them.
std::vector<double> outputs_of(const Dataset& dataset, const store::StoredNetwork& network) {
  const Split& split = dataset.splits.at(network.trial.fold);
  std::vector<float> raw;
  for (const std::uint32_t row : split.validation)
    raw.insert(raw.end(), dataset.row(row).begin(), dataset.row(row).end());
  std::vector<float> inputs(raw.size());
  scale_inputs(split.inputs, raw, inputs);
  const std::unique_ptr<Engine> engine = make_engine("cpu", dataset, {});
  return table_outputs(dataset, split, static_cast<std::size_t>(network.trial.topology.n_outputs),
                       engine->predict(network.trial, network.parameters, inputs));
}

void add_classes(const Dataset& dataset, const std::vector<std::uint32_t>& rows, const std::vector<double>& outputs,
                 ValidationRows& out) {
  const auto width = static_cast<std::ptrdiff_t>(dataset.n_targets());
  std::vector<std::size_t> actual;
  std::vector<std::size_t> predicted;
  auto first = outputs.begin();
  for (const std::uint32_t row : rows) {
    actual.push_back(static_cast<std::size_t>(dataset.labels[row]));
    predicted.push_back(static_cast<std::size_t>(std::max_element(first, first + width) - first));
    first += width;
  }
  out.confusions.push_back(confusion_of(dataset.preprocessing.classes, actual, predicted));
}

/// Of each target the actual and the predicted values.
void add_targets(const Dataset& dataset, const std::vector<std::uint32_t>& rows, const std::vector<double>& outputs,
                 ValidationRows& out) {
  const auto width = static_cast<std::size_t>(dataset.n_targets());
  for (std::size_t target = 0; target < width; ++target) {
    std::vector<double> actual;
    std::vector<double> predicted;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      actual.push_back(static_cast<double>(dataset.targets[rows[i] * width + target]));
      predicted.push_back(outputs[i * width + target]);
    }
    const std::string& name = dataset.preprocessing.target_names[target];
    if (dataset.task() == Task::regression) {
      const double centre = dataset.preprocessing.target_centre.at(target);
      for (double& value : actual) value += centre;
      out.fits.push_back(fit_of(name, actual, predicted));
      continue;
    }
    const auto present = [](const std::vector<double>& values) {
      std::vector<std::size_t> places;
      for (const double value : values) places.push_back(value > 0.5 ? 1 : 0);
      return places;
    };
    out.confusions.push_back(confusion_of({"absent", "present"}, present(actual), present(predicted)));
    out.confusions.back().label = name;
  }
}

}  // namespace

ValidationRows validation_rows(const store::RunDirectory& directory, const std::string& id) {
  ValidationRows out;
  try {
    const Dataset dataset = store::dataset_again(directory.manifest());
    for (const Split& split : dataset.splits) out.training_rows += static_cast<double>(split.training.size());
    out.training_rows /= static_cast<double>(dataset.splits.size());
    if (id.empty()) throw Error("no network has ended with a finite metric yet");
    const store::StoredNetwork network = directory.network(id);
    out.fold = network.trial.fold;
    const std::vector<std::uint32_t>& rows = dataset.splits.at(out.fold).validation;
    const std::vector<double> outputs = outputs_of(dataset, network);
    out.n_rows = rows.size();
    if (dataset.task() == Task::classification) {
      add_classes(dataset, rows, outputs, out);
    } else {
      add_targets(dataset, rows, outputs, out);
    }
  } catch (const std::exception& error) {
    out.why_not = error.what();
  }
  return out;
}

Confusion confusion_of(const std::vector<std::string>& classes, const std::vector<std::size_t>& actual,
                       const std::vector<std::size_t>& predicted) {
  std::vector<std::uint64_t> n_actual(classes.size());
  for (const std::size_t place : actual) ++n_actual.at(place);
  std::vector<std::size_t> shown(classes.size());
  std::iota(shown.begin(), shown.end(), std::size_t{0});
  if (classes.size() > kMostClasses) {
    std::ranges::stable_sort(shown, [&](std::size_t a, std::size_t b) { return n_actual[a] > n_actual[b]; });
    shown.resize(kMostClasses - 1);
    std::ranges::sort(shown);
  }
  Confusion confusion;
  std::vector<std::size_t> place_of(classes.size(), shown.size());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    place_of[shown[i]] = i;
    confusion.classes.push_back(classes[shown[i]]);
  }
  if (shown.size() < classes.size()) {
    confusion.classes.push_back(std::to_string(classes.size() - shown.size()) + " others");
  }
  const std::size_t width = confusion.classes.size();
  confusion.counts.resize(width * width);
  for (std::size_t row = 0; row < actual.size(); ++row) {
    ++confusion.counts[place_of[actual[row]] * width + place_of.at(predicted[row])];
  }
  return confusion;
}

TargetFit fit_of(std::string name, const std::vector<double>& actual, const std::vector<double>& predicted) {
  TargetFit fit;
  fit.name = std::move(name);
  double squares = 0;
  double absolutes = 0;
  for (std::size_t row = 0; row < actual.size(); ++row) {
    const double error = predicted[row] - actual[row];
    squares += error * error;
    absolutes += std::abs(error);
  }
  const auto n = static_cast<double>(actual.size());
  fit.rmse = std::sqrt(squares / n);
  fit.mae = absolutes / n;
  for (const std::size_t row : thinned(actual.size(), kMostRows)) {
    fit.actual.push_back(actual[row]);
    fit.predicted.push_back(predicted[row]);
  }
  return fit;
}

}  // namespace shoal::report
