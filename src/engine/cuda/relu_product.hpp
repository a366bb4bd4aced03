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

/// Which elements of a matrix [rows][stride] are above zero: a bit each.
struct ReluMask {
  void* bits = nullptr;
  std::uint32_t stride = 0;

  /// cublasLt wants rows of whole 128 bits.
  [[nodiscard]] static constexpr std::uint32_t stride_of(std::uint32_t columns) { return (columns + 127) / 128 * 128; }
};

/// A product of which cublasLt stores what ReLU makes of it, so that nothing passes over it again. Row-major.
template <class T>
struct ReluOperands {
  Matrices<const T> a, b;
  Matrices<T> c;
  std::uint32_t m = 0, n = 0, k = 0;
  ReluMask mask;  ///< [m][stride]
};

/// Such a product, planned once and put on the stream of `blas` many times.
class ReluProduct {
 public:
  /// c = relu(a b^T), a: [m][k], b: [n][k], and the mask of it. Empty where this GPU's cublasLt has no kernel for it.
  /// All outlive the product.
  template <class T>
  [[nodiscard]] static std::optional<ReluProduct> relu(const LtHandle& handle, const Blas& blas,
                                                       const ReluOperands<T>& of);
  /// c = a b where the mask says so, else 0. a: [m][k], b: [k][n]. Likewise.
  template <class T>
  [[nodiscard]] static std::optional<ReluProduct> where_positive(const LtHandle& handle, const Blas& blas,
                                                                 const ReluOperands<T>& of);
  void launch() const;

 private:
  using Matmul = LtOwner<cublasLtMatmulDesc_t, &CublasLibrary::lt_destroy_matmul>;
  using Layout = LtOwner<cublasLtMatrixLayout_t, &CublasLibrary::lt_destroy_layout>;
  using Preference = LtOwner<cublasLtMatmulPreference_t, &CublasLibrary::lt_destroy_preference>;

  ReluProduct(const LtHandle& handle, const Blas& blas) : handle_(handle.get()), blas_(&blas) {}
  template <class T>
  [[nodiscard]] static std::optional<ReluProduct> find(const LtHandle& handle, const Blas& blas,
                                                       const ReluOperands<T>& of, cublasOperation_t of_b,
                                                       cublasLtEpilogue_t epilogue);
  [[nodiscard]] static Layout layout(cudaDataType_t type, std::uint32_t rows, std::uint32_t columns,
                                     std::uint32_t of_memory);
  void describe(cublasOperation_t of_b, cublasLtEpilogue_t epilogue, const ReluMask& mask);
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
