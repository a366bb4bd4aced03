#include "engine/cpu/lane_table.hpp"

#include <set>

#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

std::size_t stride_of(const Dataset& dataset, std::size_t n_targets) {
  return static_cast<std::size_t>(dataset.n_inputs()) + n_targets;
}

}  // namespace

LaneTables::Kind LaneTables::kind(const GangKey& key) {
  // Cross-entropy reads labels. Other losses with as many outputs have the same targets.
  return {key.fold, key.loss == Loss::cross_entropy ? 0 : static_cast<std::size_t>(key.topology.n_outputs)};
}

std::uint64_t LaneTables::bytes(const Dataset& dataset, std::span<const GangKey> keys) {
  std::set<Kind> kinds;
  for (const GangKey& key : keys) kinds.insert(kind(key));
  std::uint64_t bytes = 0;
  for (const Kind& kind : kinds) bytes += dataset.n_rows * stride_of(dataset, kind.second) * sizeof(float);
  return bytes;
}

void LaneTables::prepare(const Dataset& dataset, std::span<const GangKey> keys) {
  std::set<Kind> wanted;
  for (const GangKey& key : keys) wanted.insert(kind(key));
  std::erase_if(tables_, [&](const auto& table) { return !wanted.contains(table.first); });
  const auto n_inputs = static_cast<std::size_t>(dataset.n_inputs());
  for (const GangKey& key : keys) {
    if (tables_.contains(kind(key))) continue;
    const std::size_t n_targets = kind(key).second;
    const std::size_t stride = stride_of(dataset, n_targets);
    const Split& split = dataset.splits.at(key.fold);
    std::vector<float> table(dataset.n_rows * stride);
    for (std::size_t row = 0; row < dataset.n_rows; ++row) {
      float* to = table.data() + row * stride;
      scale_inputs(split.inputs, dataset.row(row), std::span(to, n_inputs));
      if (n_targets == 0) continue;
      fill_target(dataset, split, key.loss, static_cast<std::uint32_t>(row), std::span(to + n_inputs, n_targets));
    }
    tables_.emplace(kind(key), std::move(table));
  }
}

LaneRows LaneTables::rows(const Dataset& dataset, const GangKey& key) const {
  const std::vector<float>& table = tables_.at(kind(key));
  return {table.data(), stride_of(dataset, kind(key).second), dataset.labels.empty() ? nullptr : dataset.labels.data(),
          dataset.weights.empty() ? nullptr : dataset.weights.data(), nullptr};
}

}  // namespace shoal::cpu
