#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "data/preprocessing.hpp"
#include "data/scaling.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// The stored networks that `which` names, best first.
std::vector<std::string> chosen_ids(const store::RunDirectory& directory, std::string_view which) {
  const store::Manifest& manifest = directory.manifest();
  std::size_t count = 1;
  if (which.starts_with("top:")) {
    const std::string_view digits = which.substr(4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() || count == 0) {
      throw InputError(Diagnostic{{}, 0, fmt::format("--trial {}", which), "top: takes a whole number from 1 on"});
    }
  } else if (which != "best") {
    return {directory.row(which).id};
  }
  std::vector<std::string> ids;
  const std::vector<std::string> kept = directory.kept();
  for (const store::StoredRow& row : directory.best(directory.size(), manifest.metric, manifest.maximize)) {
    if (ids.size() == count) break;
    if (std::ranges::find(kept, row.id) != kept.end()) ids.push_back(row.id);
  }
  if (ids.size() < count) {
    throw InputError(
        Diagnostic{{},
                   0,
                   fmt::format("--trial {}", which),
                   fmt::format("{} networks are stored; trainer.keep says how many a sweep stores", ids.size())});
  }
  return ids;
}

/// Outputs of one network in what a person reads: probabilities, or targets in the table's units. [rows, n_targets].
std::vector<double> outputs_of(const store::StoredNetwork& network, const Preprocessing& preprocessing,
                               const Split& split, const EncodedRows& rows, std::size_t n_targets) {
  std::vector<float> scaled(rows.inputs.size());
  scale_inputs(split.inputs, rows.inputs, scaled);
  const Dataset nothing;
  const std::unique_ptr<Engine> engine = make_engine("cpu", nothing, {});
  const std::vector<float> raw = engine->predict(network.trial, network.parameters, scaled);
  std::vector<double> values;
  values.reserve(rows.n_rows * n_targets);
  const auto n_outputs = static_cast<std::size_t>(network.trial.topology.n_outputs);
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    for (std::size_t o = 0; o < n_outputs; ++o) {
      const auto value = static_cast<double>(raw[r * n_outputs + o]);
      if (preprocessing.task == Task::classification && n_outputs == 1) {
        values.push_back(1 - value);
        values.push_back(value);
      } else if (preprocessing.task == Task::regression) {
        const TargetScaling& scaling = split.targets;
        values.push_back(value * scaling.unit[o] + static_cast<double>(scaling.offset[o]) +
                         preprocessing.target_centre[o]);
      } else {
        values.push_back(value);
      }
    }
  }
  return values;
}

std::string number(double value) { return fmt::format("{}", static_cast<float>(value)); }

void fill_rows(Predictions& out, const Preprocessing& preprocessing, const std::vector<double>& values,
               std::size_t n_targets) {
  if (out.task == Task::classification) {
    out.columns.emplace_back("prediction");
    for (const std::string& label : preprocessing.classes) out.columns.push_back("p(" + label + ")");
  } else {
    out.columns = preprocessing.target_names;
    if (out.task == Task::multilabel) {
      for (const std::string& label : preprocessing.target_names) out.columns.push_back("p(" + label + ")");
    }
  }
  for (std::size_t first = 0; first < values.size(); first += n_targets) {
    const std::span<const double> row = std::span(values).subspan(first, n_targets);
    std::vector<std::string> cells;
    if (out.task == Task::classification) {
      cells.push_back(preprocessing.classes[static_cast<std::size_t>(std::ranges::max_element(row) - row.begin())]);
    } else if (out.task == Task::multilabel) {
      for (const double p : row) cells.emplace_back(p > 0.5 ? "1" : "0");
    }
    for (const double value : row) cells.push_back(number(value));
    out.rows.push_back(std::move(cells));
  }
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

Predictions predict(const std::filesystem::path& run, std::string_view which, const std::filesystem::path& table) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const Preprocessing preprocessing = preprocessing_from_json(directory.manifest().preprocessing);
  Predictions out;
  out.task = preprocessing.task;
  out.ids = chosen_ids(directory, which);
  const std::size_t n_targets =
      out.task == Task::classification ? preprocessing.classes.size() : preprocessing.target_names.size();
  std::vector<store::StoredNetwork> networks;
  for (const std::string& id : out.ids) networks.push_back(directory.network(id));
  const EncodedRows rows = encode_rows(preprocessing, table);
  std::vector<double> mean(rows.n_rows * n_targets);
  for (const store::StoredNetwork& network : networks) {
    const Split split = split_from_json(directory.manifest().splits.at(network.trial.fold));
    const std::vector<double> values = outputs_of(network, preprocessing, split, rows, n_targets);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += values[i] / static_cast<double>(networks.size());
  }
  fill_rows(out, preprocessing, mean, n_targets);
  return out;
}

void write_predictions(const Predictions& predictions, const std::filesystem::path& file) {
  std::string text;
  const auto add_line = [&text](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i == 0 ? "" : ",") + quoted(cells[i]);
    text += '\n';
  };
  add_line(predictions.columns);
  for (const std::vector<std::string>& row : predictions.rows) add_line(row);
  store::write_atomically(file, text);
}

}  // namespace shoal
