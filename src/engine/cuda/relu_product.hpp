#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include "engine/cuda/blas.hpp"
#include "engine/cuda/cublas_api.hpp"
#include "engine/cuda/cublas_library.hpp"

namespace shoal::cuda {

/// Calls a function of CublasLibrary on what is no longer needed.
template <auto Function>
struct LtDestroy {
  template <class Handle>
  void operator()(Handle* handle) const {
    static_cast<void>((cublas_library().*Function)(handle));
  }
};
template <class Handle, auto Function>
using LtOwner = std::unique_ptr<std::remove_pointer_t<Handle>, LtDestroy<Function>>;
using LtHandle = LtOwner<cublasLtHandle_t, &CublasLibrary::lt_destroy>;
[[nodiscard]] LtHandle make_lt_handle();

/// c = relu(a b^T), of which cublasLt stores what ReLU makes of it, so that nothing passes over it again. Row-major: a
/// [m][k], b [n][k], c [m][n].
template <class T>
struct ReluOperands {
  Matrices<const T> a, b;
  Matrices<T> c;
  std::uint32_t m = 0, n = 0, k = 0;
};

/// Such a product, planned once and put on the stream of `blas` many times.
class ReluProduct {
 public:
  /// Empty where this GPU's cublasLt has no kernel for it. All outlive the product.
  template <class T>
  [[nodiscard]] static std::optional<ReluProduct> find(const LtHandle& handle, const Blas& blas,
                                                       const ReluOperands<T>& of);
  void launch() const;

 private:
  using Matmul = LtOwner<cublasLtMatmulDesc_t, &CublasLibrary::lt_destroy_matmul>;
  using Layout = LtOwner<cublasLtMatrixLayout_t, &CublasLibrary::lt_destroy_layout>;
  using Preference = LtOwner<cublasLtMatmulPreference_t, &CublasLibrary::lt_destroy_preference>;

  ReluProduct(const LtHandle& handle, const Blas& blas) : handle_(handle.get()), blas_(&blas) {}
  [[nodiscard]] static Layout layout(cudaDataType_t type, std::uint32_t rows, std::uint32_t columns,
                                     std::uint32_t of_memory);
  void describe();
  /// False: there is none.
  [[nodiscard]] bool choose_algorithm();

  cublasLtHandle_t handle_;
  const Blas* blas_;
  Matmul matmul_;
  Layout a_layout_, b_layout_, c_layout_;
  cublasLtMatmulAlgo_t algorithm_{};
  const void *a_ = nullptr, *b_ = nullptr;
  void* c_ = nullptr;
};

}  // namespace shoal::cuda
