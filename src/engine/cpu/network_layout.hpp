#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "kernels/cpu/core_per_network.hpp"
#include "shoal/network.hpp"

namespace shoal::cpu {

/// A panel of a matrix of padded(n) columns, which lies behind first * rows floats.
struct Panel {
  std::size_t first, columns;
};
[[nodiscard]] inline std::size_t n_panels(std::size_t n) { return (n + kPanel - 1) / kPanel; }
[[nodiscard]] inline Panel panel(std::size_t n, std::size_t i) {
  return {i * kPanel, std::min(kPanel, padded(n) - i * kPanel)};
}

/// From so wide a layer on, a gradient reads copies of inputs and deltas in panels: every row of theirs is on a page of
/// its own.
inline constexpr std::size_t kCopiedStride = 4 * kPanel;

/// One layer as the kernels see it: [W | b] transposed, (n_in + 1) x columns in panels, the biases in the last row, so
/// that a lane is an output.
struct Layer {
  std::size_t n_in = 0;
  std::size_t n_out = 0;
  std::size_t columns = 0;        ///< padded(n_out)
  std::size_t offset = 0;         ///< floats before this layer's matrix
  std::size_t input_stride = 0;   ///< of [rows, n_in + 1] activations below, whose last element is 1
  std::size_t output_stride = 0;  ///< of [rows, n_out + 1] activations above
  Act activation = Act::identity;
  std::size_t slope_offset = 0;     ///< of its f'(z) in a row's stored slopes, floats; where stores_slope(activation)
  std::size_t backward_offset = 0;  ///< floats before its W as backwards it is used; none of the first layer
  std::size_t copy_offset = 0;      ///< of its delta in a row's copies, floats; where is_copied()

  [[nodiscard]] bool is_copied() const { return input_stride >= kCopiedStride; }
  /// Floats before the weight from input i (n_in: the bias) to output o.
  [[nodiscard]] std::size_t at(std::size_t i, std::size_t o) const {
    const Panel of_output = panel(n_out, o / kPanel);
    return offset + of_output.first * (n_in + 1) + i * of_output.columns + (o - of_output.first);
  }
};

/// Where everything of a network lies. Canonical order exists only outside.
class NetworkLayout {
 public:
  explicit NetworkLayout(const Topology& topology);

  [[nodiscard]] const std::vector<Layer>& layers() const noexcept { return layers_; }
  [[nodiscard]] std::size_t n_floats() const noexcept { return n_floats_; }
  [[nodiscard]] std::size_t n_parameters() const noexcept { return n_parameters_; }
  /// Floats of one row's activations at all levels, inputs included.
  [[nodiscard]] std::size_t activation_floats() const noexcept { return activation_floats_; }
  /// Floats of one row's stored slopes.
  [[nodiscard]] std::size_t slope_floats() const noexcept { return slope_floats_; }
  /// Floats of all layers' W as backwards they are used: an output's weights in a row, n_out x padded(n_in) in panels.
  [[nodiscard]] std::size_t backward_floats() const noexcept { return backward_floats_; }

  /// Floats of one row's copies of deltas.
  [[nodiscard]] std::size_t copy_floats() const noexcept { return copy_floats_; }

  /// canonical -> inside. Padding becomes 0.
  void pack(std::span<const float> canonical, float* inside) const;
  /// inside -> canonical.
  void unpack(const float* inside, std::span<float> canonical) const;

 private:
  std::vector<Layer> layers_;
  std::size_t n_floats_ = 0;
  std::size_t n_parameters_ = 0;
  std::size_t activation_floats_ = 0;
  std::size_t slope_floats_ = 0;
  std::size_t backward_floats_ = 0;
  std::size_t copy_floats_ = 0;
};

/// Floats aligned for every target.
class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(std::size_t n)
      : floats_(static_cast<float*>(::operator new[](n * sizeof(float), std::align_val_t(kAlignment)))), size_(n) {
    for (std::size_t i = 0; i < n; ++i) floats_[i] = 0.0F;
  }
  [[nodiscard]] float* data() const noexcept { return floats_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t(kAlignment)); }
  };
  std::unique_ptr<float[], Free> floats_;
  std::size_t size_ = 0;
};

}  // namespace shoal::cpu
