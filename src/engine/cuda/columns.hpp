#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/mirror.hpp"

namespace shoal::cuda {

/// A [parameter][network] array of a gang, of which single networks are written and read.
class Columns {
 public:
  Columns() = default;
  /// device: [n_parameters][n_columns], outlives it.
  Columns(std::span<float> device, std::size_t n_columns) : n_columns_(n_columns), mirror_(device) {}

  /// Values of one network; a network that was never written holds zeros.
  void write(std::uint32_t column, std::span<const float> values, const Stream& stream);
  /// n_parameters floats.
  [[nodiscard]] std::vector<float> read(std::uint32_t column, const Stream& stream);
  /// See Mirror.
  void hand_to_device(const Stream& stream) { mirror_.hand_to_device(stream); }

  [[nodiscard]] float* get() const noexcept { return mirror_.get(); }
  [[nodiscard]] bool exists() const noexcept { return mirror_.exists(); }

 private:
  std::size_t n_columns_ = 1;
  Mirror mirror_;
};

}  // namespace shoal::cuda
