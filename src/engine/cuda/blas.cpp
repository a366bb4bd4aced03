#include "engine/cuda/blas.hpp"

#include <algorithm>

#include "engine/cuda/cublas_library.hpp"

namespace shoal::cuda {
namespace {

/// The most matrices of one call: they are the z of a grid, which ends at 65,535.
constexpr std::uint32_t kMostNetworks = 65'535;

}  // namespace

void Blas::Destroy::operator()(cublasHandle_t handle) const { static_cast<void>(cublas_library().destroy(handle)); }

Blas::Lane::Lane(const Stream& stream, std::size_t workspace_bytes) : workspace(workspace_bytes) {
  const CublasLibrary& library = cublas_library();
  cublasHandle_t created{};
  check_blas(library.create(&created), "cublasCreate");
  handle.reset(created);
  check_blas(library.set_stream(created, stream.get()), "cublasSetStream");
  // Its own would be allocated within a captured graph.
  check_blas(library.set_workspace(created, workspace.get(), workspace_bytes), "cublasSetWorkspace");
}

Blas::Blas(Precision precision, const Stream& stream) : precision_(precision), stream_(&stream) {
  lanes_.emplace_back(stream, kWorkspaceBytes);
  for (const Stream& side : side_streams_) lanes_.emplace_back(side, kSideWorkspaceBytes);
}

void Blas::fork(std::size_t n_products) const {
  n_open_ = std::clamp<std::size_t>(n_products, 1, kLanes);
  next_ = 0;
  if (n_open_ > 1) begin_.record(*stream_);
  for (std::size_t side = 0; side + 1 < n_open_; ++side) begin_.hold(side_streams_[side]);
}

void Blas::join() const {
  for (std::size_t side = 0; side + 1 < n_open_; ++side) {
    side_ends_[side].record(side_streams_[side]);
    side_ends_[side].hold(*stream_);
  }
  n_open_ = 1;
}

/// cuBLAS knows column-major matrices, which are the transposed ones of row-major memory: c^T = op(b)^T op(a)^T, so the
/// operands change places and keep their operations.
template <class T>
void Blas::product(Operation operation, const Matrices<const T>& a, const Matrices<const T>& b,
                   const Matrices<float>& c, std::uint32_t m, std::uint32_t n, std::uint32_t k,
                   std::uint32_t n_networks) const {
  const float one = 1.0F;
  const float zero = 0.0F;
  const auto whole = [](std::uint32_t x) { return static_cast<int>(x); };
  const auto stride = [](std::size_t x) { return static_cast<long long>(x); };
  const cublasHandle_t handle = lanes_[next_++ % n_open_].handle.get();
  for (std::uint32_t first = 0; first < n_networks; first += kMostNetworks) {
    check_blas(
        cublas_library().gemm_strided_batched(
            handle, operation.b, operation.a, whole(n), whole(m), whole(k), &one, b.first + first * b.stride,
            data_type(b.first), whole(b.columns), stride(b.stride), a.first + first * a.stride, data_type(a.first),
            whole(a.columns), stride(a.stride), &zero, c.first + first * c.stride, data_type(c.first), whole(c.columns),
            stride(c.stride), whole(std::min(n_networks - first, kMostNetworks)), compute_type(), CUBLAS_GEMM_DEFAULT),
        "cublasGemmStridedBatchedEx");
  }
}

template <class T>
void Blas::multiply_transposed(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
                               std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const {
  product({CUBLAS_OP_N, CUBLAS_OP_T}, a, b, c, m, n, k, n_networks);
}

template <class T>
void Blas::transposed_multiply(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c,
                               std::uint32_t m, std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const {
  product({CUBLAS_OP_T, CUBLAS_OP_N}, a, b, c, m, n, k, n_networks);
}

template <class T>
void Blas::multiply(const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<float>& c, std::uint32_t m,
                    std::uint32_t n, std::uint32_t k, std::uint32_t n_networks) const {
  product({CUBLAS_OP_N, CUBLAS_OP_N}, a, b, c, m, n, k, n_networks);
}

#define SHOAL_FOR_TYPE(T)                                                                                             \
  template void Blas::multiply_transposed(const Matrices<const T>&, const Matrices<const T>&, const Matrices<float>&, \
                                          std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) const;          \
  template void Blas::transposed_multiply(const Matrices<const T>&, const Matrices<const T>&, const Matrices<float>&, \
                                          std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) const;          \
  template void Blas::multiply(const Matrices<const T>&, const Matrices<const T>&, const Matrices<float>&,            \
                               std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) const;
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
