#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/cuda/cublas_api.hpp"
#include "engine/cuda/device_memory.hpp"
#include "kernels/math/bfloat16.hpp"
#include "shoal/sweep.hpp"

namespace shoal::cuda {

/// A row-major matrix on the device, one a network.
template <class T>
struct Matrices {
  T* first = nullptr;
  std::uint32_t columns = 0;  ///< of memory, from one row to the next
  std::size_t stride = 0;     ///< from one network's to the next's; 0: all share one
};

/// cuBLAS's products of many matrices at once, in a fast precision. Asynchronous on the stream.
class Blas {
 public:
  /// `stream` outlives it. Throws UnavailableError where there is no cuBLAS.
  Blas(Precision precision, const Stream& stream);
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  /// Bytes of device memory that it takes.
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

  /// c = a b^T. a: [m][k], b: [n][k], c: [m][n].
  template <class T>
  void multiply_transposed(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
                           std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const;
  /// c = a^T b. a: [k][m], b: [k][n], c: [m][n].
  template <class T>
  void transposed_multiply(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
                           std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const;
  /// c = a b. a: [m][k], b: [k][n], c: [m][n].
  template <class T>
  void multiply(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c, std::uint32_t m,
                std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const;

 private:
  struct Operation {
    cublasOperation_t a, b;
  };
  template <class T>
  void product(Operation operation, const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
               std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const;

  Precision precision_;
  cublasHandle_t handle_{};
  DeviceBuffer<std::byte> workspace_;
};

}  // namespace shoal::cuda
