#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace shoal {

enum class Activation : std::uint8_t { identity, relu, leaky_relu, sigmoid, tanh, elu, softplus, silu, gelu };

enum class Loss : std::uint8_t {
  squared_error,
  half_squared_error,
  absolute_error,
  huber,
  cross_entropy,
  binary_cross_entropy
};

/// Slope of leaky_relu for z <= 0.
inline constexpr float kLeakySlope = 0.01F;

/// The shape of one multilayer perceptron. The output layer is linear; what a loss puts behind it (softmax, sigmoid)
/// belongs to the loss.
struct Topology {
  std::int32_t n_inputs = 0;
  std::vector<std::int32_t> hidden_layer_sizes;
  std::vector<Activation> activations;  ///< one a hidden layer
  std::int32_t n_outputs = 0;

  /// Hidden layers and the output layer.
  [[nodiscard]] std::size_t n_layers() const noexcept { return hidden_layer_sizes.size() + 1; }
  /// Inputs of layer l, the bias not counted.
  [[nodiscard]] std::int32_t fan_in(std::size_t l) const { return l == 0 ? n_inputs : hidden_layer_sizes[l - 1]; }
  [[nodiscard]] std::int32_t fan_out(std::size_t l) const {
    return l < hidden_layer_sizes.size() ? hidden_layer_sizes[l] : n_outputs;
  }
  /// The output layer's is identity.
  [[nodiscard]] Activation activation(std::size_t l) const {
    return l < activations.size() ? activations[l] : Activation::identity;
  }
  /// Elements of layer l's augmented matrix [W | b], row-major, fan_out(l) x (fan_in(l) + 1).
  [[nodiscard]] std::size_t n_parameters(std::size_t l) const {
    return static_cast<std::size_t>(fan_out(l)) * (static_cast<std::size_t>(fan_in(l)) + 1);
  }
  /// Of all layers; their matrices one after another are the canonical parameter order.
  [[nodiscard]] std::size_t n_parameters() const;

  friend bool operator==(const Topology&, const Topology&) = default;
  friend auto operator<=>(const Topology&, const Topology&) = default;
};

/// The word that a sweep file uses.
[[nodiscard]] std::string_view name(Activation value);
[[nodiscard]] std::string_view name(Loss value);
[[nodiscard]] std::optional<Activation> activation_named(std::string_view word);  ///< knows `logistic` too
[[nodiscard]] std::optional<Loss> loss_named(std::string_view word);
/// All words, in the order of the enumeration.
[[nodiscard]] std::span<const std::string_view> activation_names();
[[nodiscard]] std::span<const std::string_view> loss_names();

}  // namespace shoal
