#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "data/preprocessing.hpp"
#include "data/scaling.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

InputError wrong_choice(std::string_view which, const std::string& message) {
  return InputError(Diagnostic{"", 0, "'" + std::string(which) + "'", message});
}

/// The ids of the `count` best stored networks.
std::vector<std::string> best_stored(const store::RunDirectory& directory, std::size_t count) {
  std::vector<std::pair<double, std::string>> ranked;
  for (const std::string& id : directory.kept()) {
    const double metric = directory.network(id).metric;
    if (std::isfinite(metric)) ranked.emplace_back(directory.manifest().maximize ? -metric : metric, id);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) ids.push_back(ranked[i].second);
  return ids;
}

std::vector<std::string> chosen_ids(const store::RunDirectory& directory, std::string_view which) {
  constexpr std::string_view kTop = "top:";
  if (which != "best" && !which.starts_with(kTop)) return {directory.row(which).id};
  std::size_t count = 1;
  if (which != "best") {
    const std::string_view digits = which.substr(kTop.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc{} || end != digits.data() + digits.size() || count == 0) {
      throw wrong_choice(which, "must be top: and a number of at least 1, for example top:5");
    }
  }
  std::vector<std::string> ids = best_stored(directory, count);
  if (ids.size() < count) {
    throw wrong_choice(
        which, "the run holds " + std::to_string(ids.size()) + " networks; trainer.keep says how many are stored");
  }
  return ids;
}

/// A table's rows and how to read them, for networks of one run.
struct Rows {
  Dataset dataset;  ///< no rows of its own: what an engine must know of outputs and splits
  EncodedRows encoded;
};

/// An output of a regression network, as the table has it.
double in_table_units(const Preprocessing& preprocessing, const TargetScaling& scaling, std::size_t output,
                      float value) {
  return static_cast<double>(value) / static_cast<double>(scaling.factor.at(output)) +
         static_cast<double>(scaling.offset.at(output)) + preprocessing.target_centre.at(output);
}

/// Outputs in double [n_rows, n_targets]: probabilities of all classes or labels, or values in the table's units.
std::vector<double> outputs_of(const store::StoredNetwork& network, const Rows& rows, Engine& engine) {
  const Dataset& dataset = rows.dataset;
  const Split& split = dataset.splits.at(network.trial.fold);
  std::vector<float> inputs(rows.encoded.inputs.size());
  scale_inputs(split.inputs, rows.encoded.inputs, inputs);
  const std::vector<float> raw = engine.predict(network.trial, network.parameters, inputs);
  const auto n_outputs = static_cast<std::size_t>(network.trial.topology.n_outputs);
  const auto n_targets = static_cast<std::size_t>(dataset.n_targets());
  std::vector<double> all;
  all.reserve(rows.encoded.n_rows * n_targets);
  for (std::size_t row = 0; row < rows.encoded.n_rows; ++row) {
    if (n_outputs == 1 && n_targets == 2) {  // two classes, one output: the second class's probability
      const auto second = static_cast<double>(raw[row]);
      all.insert(all.end(), {1.0 - second, second});
      continue;
    }
    for (std::size_t o = 0; o < n_targets; ++o) {
      const float value = raw[row * n_outputs + o];
      all.push_back(dataset.task() == Task::regression ? in_table_units(dataset.preprocessing, split.targets, o, value)
                                                       : static_cast<double>(value));
    }
  }
  return all;
}

/// Networks give probabilities as floats: more digits would say nothing.
std::string probability(double value) { return fmt::format("{}", static_cast<float>(value)); }

std::vector<std::string> columns_of(const Preprocessing& p) {
  if (p.task == Task::regression) return p.target_names;
  std::vector<std::string> columns;
  if (p.task == Task::classification) columns.emplace_back("prediction");
  const std::vector<std::string>& names = p.task == Task::classification ? p.classes : p.target_names;
  if (p.task == Task::multilabel) columns = names;
  for (const std::string& name : names) columns.push_back("p(" + name + ")");
  return columns;
}

std::vector<std::string> line_of(const Preprocessing& p, std::span<const double> values) {
  std::vector<std::string> line;
  if (p.task == Task::regression) {
    for (const double value : values) line.push_back(store::shortest(value));
    return line;
  }
  if (p.task == Task::classification) {
    line.push_back(p.classes.at(static_cast<std::size_t>(std::ranges::max_element(values) - values.begin())));
  } else {
    for (const double value : values) line.emplace_back(value >= 0.5 ? "1" : "0");
  }
  for (const double value : values) line.push_back(probability(value));
  return line;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) line += (i == 0 ? "" : ",") + csv_field(fields[i]);
  return line + "\n";
}

}  // namespace

Predictions predict(const std::filesystem::path& run, std::string_view which, const std::filesystem::path& table) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  Predictions predictions;
  predictions.ids = chosen_ids(directory, which);
  Rows rows;
  rows.dataset.preprocessing = preprocessing_from_json(directory.manifest().preprocessing);
  for (const nlohmann::json& split : directory.manifest().splits) {
    rows.dataset.splits.push_back(split_from_json(split));
  }
  rows.encoded = encode_rows(rows.dataset.preprocessing, table);
  const Preprocessing& preprocessing = rows.dataset.preprocessing;
  predictions.task = preprocessing.task;
  predictions.columns = columns_of(preprocessing);

  const std::unique_ptr<Engine> engine = make_engine("cpu", rows.dataset, {});
  std::vector<double> sums;
  for (const std::string& id : predictions.ids) {
    const std::vector<double> outputs = outputs_of(directory.network(id), rows, *engine);
    if (sums.empty()) sums.resize(outputs.size(), 0.0);
    std::ranges::transform(sums, outputs, sums.begin(), std::plus{});
  }
  const auto n_networks = static_cast<double>(predictions.ids.size());
  for (double& sum : sums) sum /= n_networks;
  const auto width = static_cast<std::size_t>(rows.dataset.n_targets());
  for (std::size_t row = 0; row < rows.encoded.n_rows; ++row) {
    predictions.rows.push_back(line_of(preprocessing, std::span(sums).subspan(row * width, width)));
  }
  return predictions;
}

void write_predictions(const Predictions& predictions, const std::filesystem::path& file) {
  store::AtomicFile out(file);
  out.write(csv_line(predictions.columns));
  for (const std::vector<std::string>& row : predictions.rows) out.write(csv_line(row));
  out.commit();
}

}  // namespace shoal
