#include "plan/survey.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace shoal::plan {

std::string topology_text(const Topology& topology) {
  std::string text = std::to_string(topology.n_inputs);
  for (std::size_t l = 0; l < topology.n_layers(); ++l) text += "-" + std::to_string(topology.fan_out(l));
  for (std::size_t l = 0; l < topology.activations.size(); ++l) {
    text += (l == 0 ? " " : ", ") + std::string(name(topology.activations[l]));
  }
  return text;
}

void Survey::Time::add(const Prediction& prediction, double n_epochs) {
  together_s += prediction.epoch_s * n_epochs + prediction.place_s;
  longest_s = std::max(longest_s, prediction.alone_s * n_epochs + prediction.place_s);
}

void Survey::add(std::span<const Trial> trials, std::span<const Chunk> chunks, const Dataset& dataset,
                 const Engine& engine) {
  for (const Trial& trial : trials) {
    const auto epochs = static_cast<std::uint64_t>(trial.hyperparameters.max_iter);
    n_epochs_ += epochs;
    n_samples_ += epochs * n_training_rows(trial, dataset);
  }
  n_trials_ += trials.size();
  n_chunks_ += chunks.size();
  for (const Chunk& chunk : chunks) {
    largest_chunk_bytes_ = std::max(largest_chunk_bytes_, chunk.bytes);
    Time of_chunk;
    const std::vector<std::vector<Prediction>> of_gangs = engine.predictions_together(chunk.layout());
    for (std::size_t g = 0; g < chunk.gangs.size(); ++g) {
      const FilledGang& filled = chunk.gangs[g];
      const std::vector<Prediction>& predictions = of_gangs[g];
      std::int32_t n_epochs = 0;
      for (const std::uint32_t i : filled.trials) n_epochs = std::max(n_epochs, trials[i].hyperparameters.max_iter);
      of_chunk.add(predictions.front(), n_epochs);
      Shape& shape = shapes_[{filled.gang.key.topology, std::string(predictions.front().kernel)}];
      for (Prediction each : predictions) {
        if (each.is_shared) each.alone_s = each.epoch_s;  // its part
        shape.times[std::string(each.kernel)].add(each, n_epochs);
      }
      shape.n_trials += filled.trials.size();
      shape.n_gangs += 1;
      shape.bytes += filled.gang.n_slots * engine.bytes_per_slot(filled.gang);
      shape.cost += filled.cost;
      cost_ += filled.cost;
    }
    predicted_s_ += of_chunk.seconds();
  }
}

std::vector<PlanRow> Survey::rows() const {
  std::vector<std::pair<double, PlanRow>> all;
  for (const auto& [kind, shape] : shapes_) {
    const auto& [topology, kernel] = kind;
    all.emplace_back(shape.cost, PlanRow{.topology = topology_text(topology),
                                         .kernel = kernel,
                                         .predicted_s = shape.times.at(kernel).seconds(),
                                         .others = {},
                                         .n_trials = shape.n_trials,
                                         .n_gangs = shape.n_gangs,
                                         .n_parameters = topology.n_parameters(),
                                         .bytes = shape.bytes});
    for (const auto& [other, time] : shape.times) {
      if (other != kernel) all.back().second.others.push_back({other, time.seconds()});
    }
  }
  std::ranges::stable_sort(all, std::greater{}, [](const auto& row) { return row.first; });
  std::vector<PlanRow> rows;
  for (auto& [ignored, row] : all) rows.push_back(std::move(row));
  return rows;
}

}  // namespace shoal::plan
