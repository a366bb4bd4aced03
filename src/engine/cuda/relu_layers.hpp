#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "engine/cuda/cohort_shape.hpp"
#include "engine/cuda/relu_product.hpp"

namespace shoal::cuda {

/// The hidden layers of a network that is alone in its cohort whose ReLU the products apply: a = relu([W | b] [x; 1])
/// is stored by the product itself, and z of these layers is never in memory. For other layers, and where cublasLt has
/// no kernel, nothing is done here, and activation_kernel does it.
template <class T>
class ReluLayers {
 public:
  /// Whether it has anything to do.
  [[nodiscard]] static bool apply_to(const CohortShape& shape);

  /// Writes the columns of ones, which products leave as they are. task: the cohort's, at network 0. `blas` outlives
  /// it.
  ReluLayers(const CohortShape& shape, const CohortTask<T>& task, const Blas& blas);

  /// The input of layer l + 1 from that of layer l. False where it did nothing.
  [[nodiscard]] bool forward(std::uint32_t l, std::uint32_t n_rows);

 private:
  [[nodiscard]] std::optional<ReluProduct> product(std::uint32_t l, std::uint32_t n_rows) const;

  CohortShape shape_;
  CohortTask<T> task_;
  const Blas* blas_;
  LtHandle handle_;
  /// By layer and number of rows; empty where cublasLt has none.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<ReluProduct>> products_;
};

}  // namespace shoal::cuda
