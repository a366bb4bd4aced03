#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "engine/cuda/cohort_shape.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/relu_product.hpp"

namespace shoal::cuda {

/// The hidden layers of a network that is alone in its cohort whose ReLU the products apply: a = relu([W | b] [x; 1])
/// is stored by the product itself, and dloss/dz of the layer below by the one that brings it back, which reads of a
/// only a bit an element. z and dloss/da of these layers are never in memory. For other layers, and where cublasLt has
/// no kernel, nothing is done here, and the fused kernels of kernels/cuda do it.
template <class T>
class ReluLayers {
 public:
  /// Device bytes beside the cohort's own; none where it does not apply.
  [[nodiscard]] static std::uint64_t bytes(const CohortShape& shape);
  /// Whether it has anything to do.
  [[nodiscard]] static bool apply_to(const CohortShape& shape);

  /// Allocates; writes the columns of ones, which products leave as they are. task: the cohort's, at network 0. `blas`
  /// outlives it.
  ReluLayers(const CohortShape& shape, const CohortTask<T>& task, const Blas& blas);

  /// The input of layer l + 1 from that of layer l. False where it did nothing.
  [[nodiscard]] bool forward(std::uint32_t l, std::uint32_t n_rows);
  /// From delta of layer l to that of layer l - 1, of the same rows as the last forward(). Where it is; null where
  /// nothing was done. delta: the cohort's, or where this said.
  [[nodiscard]] T* backward(std::uint32_t l, std::uint32_t n_rows, const T* delta);

 private:
  /// By layer and number of rows; empty where cublasLt has none.
  using Products = std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<ReluProduct>>;
  [[nodiscard]] ReluMask mask(std::uint32_t l) const;
  [[nodiscard]] std::optional<ReluProduct> forward_product(std::uint32_t l, std::uint32_t n_rows) const;
  [[nodiscard]] std::optional<ReluProduct> backward_product(std::uint32_t l, std::uint32_t n_rows, const T* delta,
                                                            T* below) const;

  CohortShape shape_;
  CohortTask<T> task_;
  const Blas* blas_;
  LtHandle handle_;
  DeviceBuffer<std::byte> masks_;
  DeviceBuffer<T> other_delta_;  ///< deltas of two layers that follow each other are in different places
  Products forward_, backward_;
};

}  // namespace shoal::cuda
