#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string>

#include "data/preprocessing.hpp"
#include "engine/definition.hpp"
#include "run/chosen_networks.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"
#include "store/csv_text.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// A table's rows and how to read them, for networks of one run.
struct Rows {
  Dataset dataset;  ///< no rows of its own: what an engine must know of outputs and splits
  EncodedRows encoded;
};

/// Outputs in double [n_rows, n_targets]: probabilities of all classes or labels, or values in the table's units.
std::vector<double> outputs_of(const store::StoredNetwork& network, const Rows& rows, Engine& engine) {
  const Dataset& dataset = rows.dataset;
  const Split& split = dataset.splits.at(network.trial.fold);
  std::vector<float> inputs(rows.encoded.inputs.size());
  scale_inputs(split.inputs, rows.encoded.inputs, inputs);
  const std::vector<float> raw = engine.predict(network.trial, network.parameters, inputs);
  const auto n_outputs = static_cast<std::size_t>(network.trial.topology.n_outputs);
  return table_outputs(dataset, split, n_outputs, raw);
}

/// The double that prints as the float does: networks give probabilities as floats, more digits would say nothing.
double probability(double value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<float>(value));
  double rounded = value;
  std::from_chars(digits.data(), end, rounded);
  return rounded;
}

std::vector<std::string> columns_of(const Preprocessing& p) {
  if (p.task == Task::regression) return p.target_names;
  const std::vector<std::string>& names = p.task == Task::classification ? p.classes : p.target_names;
  std::vector<std::string> columns;
  if (p.task == Task::multilabel) columns = names;
  for (const std::string& name : names) columns.push_back("p(" + name + ")");
  return columns;
}

/// Adds a row to what is predicted. outputs: [n_targets], of the networks' average.
void add_row(Predictions& predictions, const Preprocessing& p, std::span<const double> outputs) {
  ++predictions.n_rows;
  std::vector<double>& values = predictions.values;
  if (p.task == Task::regression) {
    values.insert(values.end(), outputs.begin(), outputs.end());
    return;
  }
  if (p.task == Task::classification) {
    const auto best = std::ranges::max_element(outputs) - outputs.begin();
    predictions.classes.push_back(p.classes.at(static_cast<std::size_t>(best)));
  } else {
    for (const double output : outputs) values.push_back(output > 0.5 ? 1 : 0);
  }
  for (const double output : outputs) values.push_back(probability(output));
}

}  // namespace

Predictions predict(const std::filesystem::path& run, std::string_view which, const std::filesystem::path& table) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  Predictions predictions;
  const std::vector<run::ChosenNetwork> chosen = run::chosen_networks(directory, which);
  Rows rows;
  rows.dataset.preprocessing = preprocessing_from_json(directory.manifest().preprocessing);
  for (const std::string& split : directory.manifest().splits) {
    rows.dataset.splits.push_back(split_from_json(split));
  }
  rows.encoded = encode_rows(rows.dataset.preprocessing, table);
  const Preprocessing& preprocessing = rows.dataset.preprocessing;
  predictions.task = preprocessing.task;
  predictions.columns = columns_of(preprocessing);
  predictions.notes = rows.encoded.notes;
  const store::Manifest& manifest = directory.manifest();
  const bool of_trials = which.starts_with("top:") || (which == "best" && manifest.status != "done");
  if (of_trials && manifest.n_trials > manifest.n_settings) {
    predictions.notes.push_back(
        "networks are ranked by their own values, each of its fold or repeat, not by the means of their settings");
  }

  const std::unique_ptr<Engine> engine = make_engine("cpu", rows.dataset, {});
  std::vector<double> sums;
  double shares = 0;
  for (const auto& [id, share] : chosen) {
    predictions.ids.push_back(id);
    const std::vector<double> outputs = outputs_of(directory.network(id), rows, *engine);
    if (sums.empty()) sums.resize(outputs.size(), 0.0);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += share * outputs[i];
    shares += share;
  }
  for (double& sum : sums) sum /= shares;
  const auto width = static_cast<std::size_t>(rows.dataset.n_targets());
  for (std::size_t row = 0; row < rows.encoded.n_rows; ++row) {
    add_row(predictions, preprocessing, std::span(sums).subspan(row * width, width));
  }
  return predictions;
}

std::string predictions_csv(const Predictions& predictions) {
  const bool has_classes = predictions.task == Task::classification;
  std::string text = has_classes ? "prediction" : "";
  const auto separate = [&text] {
    if (!text.empty() && text.back() != '\n') text += ',';
  };
  for (const std::string& column : predictions.columns) {
    separate();
    text += store::csv_field(column);
  }
  text += '\n';
  const std::size_t width = predictions.columns.size();
  for (std::size_t row = 0; row < predictions.n_rows; ++row) {
    if (has_classes) text += store::csv_field(predictions.classes.at(row));
    for (std::size_t column = 0; column < width; ++column) {
      separate();
      text += store::shortest(predictions.values.at(row * width + column));
    }
    text += '\n';
  }
  return text;
}

void write_predictions(const Predictions& predictions, const std::filesystem::path& file) {
  store::write_atomically(file, predictions_csv(predictions));
}

}  // namespace shoal
