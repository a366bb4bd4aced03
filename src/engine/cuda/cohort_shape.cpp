#include "engine/cuda/cohort_shape.hpp"

#include <algorithm>

namespace shoal::cuda {

CohortShape::CohortShape(const Topology& topology, std::size_t rows)
    : most_rows(rows), n_canonical(topology.n_parameters()) {
  std::uint32_t widest = 0;  // of the layers whose deltas take turns
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const bool is_hidden = l + 1 < topology.n_layers();
    CohortLayer layer;
    layer.n_in = static_cast<std::uint32_t>(topology.fan_in(l));
    layer.n_out = static_cast<std::uint32_t>(topology.fan_out(l));
    layer.columns = padded(layer.n_in + 1);
    layer.rows = padded(layer.n_out);
    layer.stride = is_hidden ? padded(layer.n_out + 1) : layer.rows;
    layer.fours_in_columns = WideDivisor(layer.columns / kAtOnce);
    layer.fours_in_stride = WideDivisor(layer.stride / kAtOnce);
    layer.activation = static_cast<Act>(topology.activation(l));
    layer.first_parameter = n_parameters;
    layer.z = n_z;
    if (l > 0) {
      layer.values = n_values;
      n_values += most_rows * layer.columns;
    }
    n_z += most_rows * layer.stride;
    n_parameters += layer.rows * layer.columns;
    const bool is_narrow = l > 0 && !is_hidden && layer.n_out <= kNarrowOutputs;
    if (is_narrow) layer.delta = most_rows * widest;
    if (!is_narrow) widest = std::max(widest, layer.stride);
    n_delta = most_rows * (widest + (is_narrow ? layer.stride : 0));
    if (is_hidden) largest_stride = std::max(largest_stride, layer.stride);
    layers.push_back(layer);
  }
}

void CohortShape::pack(std::span<const float> canonical, std::span<float> padded) const {
  std::ranges::fill(padded, 0.0F);
  std::size_t k = 0;
  for (const CohortLayer& layer : layers) {
    for (std::uint32_t o = 0; o < layer.n_out; ++o, k += layer.n_in + 1) {
      const std::size_t to = layer.first_parameter + std::size_t{o} * layer.columns;
      std::ranges::copy(canonical.subspan(k, layer.n_in + 1), padded.subspan(to).begin());
    }
  }
}

std::vector<float> CohortShape::unpack(std::span<const float> padded) const {
  std::vector<float> canonical;
  canonical.reserve(n_canonical);
  for (const CohortLayer& layer : layers) {
    for (std::uint32_t o = 0; o < layer.n_out; ++o) {
      const std::span<const float> row =
          padded.subspan(layer.first_parameter + std::size_t{o} * layer.columns, layer.n_in + 1);
      canonical.insert(canonical.end(), row.begin(), row.end());
    }
  }
  return canonical;
}

CohortShape::Extents CohortShape::extents() const {
  Extents all;
  for (const CohortLayer& layer : layers) all.emplace_back(layer.rows, layer.columns);
  return all;
}

}  // namespace shoal::cuda
