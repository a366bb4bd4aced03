#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/cuda/cohort_shape.hpp"
#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/strict_layers.cuh"
#include "kernels/cuda/strict_sums.cuh"

namespace shoal::cuda {

/// The passes of a cohort in strict order: what products and kernels between them do elsewhere is one kernel a layer
/// here, and what is added up over rows or parameters is added up as docs/numerics.md says.
class StrictPasses {
 public:
  /// Device bytes of a network.
  [[nodiscard]] static std::uint64_t bytes(std::uint32_t most_rows) {
    return sizeof(StrictSums) + std::uint64_t{most_rows} * sizeof(float);
  }

  /// `stream` outlives it.
  StrictPasses(std::size_t n_networks, std::size_t most_rows, const Stream& stream)
      : stream_(&stream), sums_(n_networks), row_loss_(n_networks * most_rows) {
    clear_sums();
  }

  /// The networks that passes are for, by their shapes.
  void select(std::span<const CohortShape* const> shapes);

  void forward(const CohortTask<float>& task, std::uint32_t n_rows, bool drops) const;
  /// Outputs and row losses, which are added to the epoch's. task.row_loss: null where nobody else wants them.
  void output(CohortTask<float> task, std::uint32_t n_rows, bool training) const;
  void backward(const CohortTask<float>& task, std::uint32_t n_rows, bool drops) const;
  void norm(const CohortTask<float>& task, std::uint32_t n_rows) const {
    launch_strict_norm(task, n_rows, stream_->get());
  }
  void clear_sums() { sums_.clear(*stream_); }
  /// Hands the epoch's sums over to what decides.
  void finish_sums(const CohortTask<float>& task) const { launch_strict_totals(task, sums_.get(), stream_->get()); }

 private:
  [[nodiscard]] StrictLayer layer(std::uint32_t l, std::uint32_t n_rows, bool drops) const;

  const Stream* stream_;
  DeviceBuffer<StrictSums> sums_;
  DeviceBuffer<float> row_loss_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> largest_;  ///< inputs and outputs of each layer
};

}  // namespace shoal::cuda
