#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

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

[[nodiscard]] constexpr cudaDataType_t data_type(const float*) { return CUDA_R_32F; }
[[nodiscard]] constexpr cudaDataType_t data_type(const math::Bfloat16*) { return CUDA_R_16BF; }

/// cuBLAS's products of many matrices at once, in a fast precision. Asynchronous on the stream.
class Blas {
 public:
  /// `stream` outlives it. Throws UnavailableError where there is no cuBLAS.
  Blas(Precision precision, const Stream& stream);

  /// Bytes of device memory that it takes.
  [[nodiscard]] static constexpr std::uint64_t workspace_bytes() {
    return kWorkspaceBytes + (kLanes - 1) * kSideWorkspaceBytes;
  }

  [[nodiscard]] cublasComputeType_t compute_type() const noexcept {
    return precision_ == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  }
  /// What products on the stream itself use; others may between fork() and join() only.
  [[nodiscard]] const DeviceBuffer<std::byte>& workspace() const noexcept { return lanes_.front().workspace; }
  [[nodiscard]] const Stream& stream() const noexcept { return *stream_; }

  /// Until join() up to n_products products, none of which needs another, run side by side: products of a few hundred
  /// small matrices leave most of a GPU idle. What comes to the stream after join() waits for all of them.
  void fork(std::size_t n_products) const;
  void join() const;

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
  struct Destroy {
    void operator()(cublasHandle_t handle) const;
  };
  using Handle = std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, Destroy>;
  /// A handle may have only one stream and one workspace.
  struct Lane {
    Lane(const Stream& stream, std::size_t workspace_bytes);
    DeviceBuffer<std::byte> workspace;
    Handle handle;
  };
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;     ///< what cuBLAS advises for Hopper
  static constexpr std::size_t kSideWorkspaceBytes = std::size_t{2} << 20;  ///< many small products split no sums

  template <class T>
  void product(Operation operation, const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
               std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const;

  Precision precision_;
  const Stream* stream_;
  std::array<Stream, kLanes - 1> side_streams_;
  std::array<Event, kLanes - 1> side_ends_;
  Event begin_;
  std::vector<Lane> lanes_;         ///< the first on the stream itself
  mutable std::size_t n_open_ = 1;  ///< lanes between fork() and join()
  mutable std::size_t next_ = 0;
};

}  // namespace shoal::cuda
