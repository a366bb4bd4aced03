#include "engine/cuda/kernel_source.hpp"

#include <cstdint>
#include <initializer_list>

#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {
namespace {

/// As thread_variants.cuh names them; a plain one's activation is its Same.
std::string variant_text(const ThreadVariant& variant) {
  if (!variant.is_plain) return "Anything";
  return std::string("Plain<Same, ") + (variant.solver == SolverKind::adam ? "Adam" : "Sgd") + ">";
}

std::string tile_text(Operands operands) {
  switch (operands) {
    case Operands::tf32:
      return "RoundedTile<Tf32>";
    case Operands::bf16:
      return "RoundedTile<Bf16>";
    default:
      return "Tile";
  }
}

std::string list(std::initializer_list<std::uint32_t> numbers) {
  std::string text;
  for (const std::uint32_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

std::string patch_text(PatchSize patch) { return "{" + list({patch.rows, patch.columns}) + "}"; }

/// An initializer, in the order of Layer's members.
std::string layer_text(const Layer& layer) {
  return "{" + list({layer.n_in, layer.n_out}) + ", static_cast<Act>(" +
         std::to_string(static_cast<int>(layer.activation)) + "), " +
         list({layer.first_parameter, layer.weights, layer.weight_stride}) + ", Divisor(" + list({layer.quads.n}) +
         "), " +
         list({layer.input, layer.input_stride, layer.output, layer.output_stride, layer.delta, layer.from,
               layer.keep}) +
         ", " + patch_text(layer.forward_patch) + ", " + patch_text(layer.delta_patch) + ", " +
         patch_text(layer.gradient_patch) + ", " +
         list({layer.from_stride, layer.rounded, layer.rounded_stride, layer.operands, layer.operand_stride,
               layer.biases}) +
         "}";
}

}  // namespace

std::string sizes_text(const Topology& topology, const char* between) {
  std::string text = std::to_string(topology.n_inputs);
  for (std::size_t l = 0; l < topology.n_layers(); ++l) text += between + std::to_string(topology.fan_out(l));
  return text;
}

std::string sizes_text(const NetworkShape& shape, const char* between) {
  std::string text = std::to_string(shape.layers.front().n_in);
  for (const Layer& layer : shape.layers) text += between + std::to_string(layer.n_out);
  return text;
}

KernelSource thread_source(const Topology& topology, const ThreadVariant& variant) {
  const std::string act = std::to_string(static_cast<int>(variant.activation));
  std::string text = "#include \"kernels/cuda/thread_kernel.cuh\"\nnamespace shoal::cuda {\n";
  text += "struct Same {\n  static constexpr Act value = static_cast<Act>(" + act + ");\n};\n";
  text += "using Topology = FixedShape<" + sizes_text(topology, ", ") + ">;\n";
  text += "using Variant = " + variant_text(variant) + ";\n";
  text += "extern \"C\" SHOAL_KERNEL_OF(kNetworksInBlock, (kLeastBlocks<Topology, Variant>))\n";
  text += std::string("void ") + kEntry + "(const TrainTask* tasks) {\n";
  text += "  train_networks<Topology, Variant>(tasks);\n}\n}\n";
  return {"thread_per_network.cu", text};
}

KernelSource block_source(const NetworkShape& shape) {
  const std::uint32_t n_threads = shape.n_threads();
  std::string text = "#define SHOAL_BLOCK_THREADS " + list({n_threads}) + "U\n";
  text += "#include \"kernels/cuda/block_kernel.cuh\"\nnamespace shoal::cuda {\nconstexpr Layer kLayers[] = {\n";
  for (const Layer& layer : shape.layers) text += "    " + layer_text(layer) + ",\n";
  text += "};\nconstexpr Shape kShape{kLayers, ";
  text += list({static_cast<std::uint32_t>(shape.layers.size()), shape.n_parameters, shape.value_floats,
                shape.weight_floats, shape.operand_words});
  text += "};\nextern \"C\" SHOAL_KERNEL_OF(" + list({n_threads, kResidentThreads / n_threads}) + ")\n";
  text += std::string("void ") + kEntry + "(const TrainTask* tasks) {\n";
  text += "  train_network<" + tile_text(shape.operands) + ">(tasks[block()], kShape);\n}\n}\n";
  return {"block_per_network.cu", text};
}

}  // namespace shoal::cuda
