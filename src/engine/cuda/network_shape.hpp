#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/training.cuh"
#include "shoal/network.hpp"

namespace shoal::cuda {

/// A topology as kernels see it, still on the host. A tile holds, one after another: inputs, each layer's outputs, of
/// each hidden layer what its derivative is taken from and dropout's factors where they are needed. A layer's delta
/// takes its outputs' place, but for the output layer's where keeps_outputs. Every row is padded (padded_stride()),
/// those of the parameters as well. Where products are of rounded operands, inputs and hidden layers' outputs are such,
/// a rounded copy of the parameters is beside them, and derivatives that need more than a sign are taken from fp32.
struct NetworkShape {
  NetworkShape(const Topology& topology, bool has_dropout, bool keeps_outputs = false,
               Operands of_products = Operands::fp32);

  /// layers: these ones in device memory.
  [[nodiscard]] Shape on_device(const Layer* device_layers) const;
  /// Whether a tile's values and the parameters fit into the shared memory of a block that trains the network (it does
  /// not train others), and whether the gradient is there as well.
  [[nodiscard]] bool is_shared() const;
  [[nodiscard]] bool gradient_is_shared() const;
  [[nodiscard]] std::size_t shared_bytes() const;
  /// Threads of that block.
  [[nodiscard]] std::uint32_t n_threads() const;

  std::vector<Layer> layers;
  std::uint32_t n_parameters = 0;
  std::uint32_t n_units = 0;  ///< of all layers
  std::uint32_t widest = 0;   ///< units of a layer at most
  std::uint32_t value_floats = 0, weight_floats = 0, operand_words = 0;
  Operands operands;

 private:
  std::uint32_t room(std::uint32_t stride);
  void add_operands(Layer& layer, bool is_hidden, bool has_dropout);
  [[nodiscard]] std::size_t bytes(bool with_gradient) const;
};

}  // namespace shoal::cuda
