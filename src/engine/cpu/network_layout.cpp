#include "engine/cpu/network_layout.hpp"

#include <algorithm>

namespace shoal::cpu {

NetworkLayout::NetworkLayout(const Topology& topology) : n_parameters_(topology.n_parameters()) {
  activation_floats_ = padded(static_cast<std::size_t>(topology.n_inputs) + 1);
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    Layer layer;
    layer.n_in = static_cast<std::size_t>(topology.fan_in(l));
    layer.n_out = static_cast<std::size_t>(topology.fan_out(l));
    layer.columns = padded(layer.n_out);
    layer.offset = n_floats_;
    layer.input_stride = padded(layer.n_in + 1);
    layer.output_stride = padded(layer.n_out + 1);
    layer.activation = static_cast<Act>(topology.activation(l));
    n_floats_ += (layer.n_in + 1) * layer.columns;
    activation_floats_ += layer.output_stride;
    layer.slope_offset = slope_floats_;
    if (stores_slope(layer.activation)) slope_floats_ += layer.output_stride;
    layer.backward_offset = backward_floats_;
    if (l > 0) backward_floats_ += layer.n_out * padded(layer.n_in);
    layer.copy_offset = copy_floats_;
    if (layer.is_copied()) copy_floats_ += layer.columns;
    layers_.push_back(layer);
  }
}

void NetworkLayout::pack(std::span<const float> canonical, float* inside) const {
  std::fill_n(inside, n_floats_, 0.0F);
  std::size_t next = 0;
  for (const Layer& layer : layers_) {
    for (std::size_t o = 0; o < layer.n_out; ++o) {
      for (std::size_t i = 0; i <= layer.n_in; ++i) inside[layer.at(i, o)] = canonical[next++];
    }
  }
}

void NetworkLayout::unpack(const float* inside, std::span<float> canonical) const {
  std::size_t next = 0;
  for (const Layer& layer : layers_) {
    for (std::size_t o = 0; o < layer.n_out; ++o) {
      for (std::size_t i = 0; i <= layer.n_in; ++i) canonical[next++] = inside[layer.at(i, o)];
    }
  }
}

}  // namespace shoal::cpu
