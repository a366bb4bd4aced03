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
    for (const FilledGang& filled : chunk.gangs) {
      Shape& shape = shapes_[{filled.gang.key.topology, std::string(engine.kernel(filled.gang))}];
      shape.n_trials += filled.trials.size();
      shape.n_gangs += 1;
      shape.bytes += filled.gang.n_slots * engine.bytes_per_slot(filled.gang);
      shape.cost += filled.cost;
      cost_ += filled.cost;
    }
  }
}

std::vector<PlanRow> Survey::rows() const {
  std::vector<std::pair<double, PlanRow>> all;
  for (const auto& [kind, shape] : shapes_) {
    const auto& [topology, kernel] = kind;
    all.emplace_back(shape.cost, PlanRow{topology_text(topology), kernel, shape.n_trials, shape.n_gangs,
                                         topology.n_parameters(), shape.bytes});
  }
  std::ranges::stable_sort(all, std::greater{}, [](const auto& row) { return row.first; });
  std::vector<PlanRow> rows;
  for (auto& [ignored, row] : all) rows.push_back(std::move(row));
  return rows;
}

}  // namespace shoal::plan
