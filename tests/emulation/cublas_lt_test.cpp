// The emulated cublasLt: values worked out by hand.
#include "cublas_lt.hpp"

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernel_fault.hpp"

namespace shoal::cuda {
namespace {

/// Device memory with values in it.
template <class T>
struct Memory {
  const Stream* stream;
  DeviceBuffer<T> buffer;
  T* data;

  Memory(const Stream& of, const std::vector<T>& values)
      : stream(&of), buffer(uploaded(std::span(values), of)), data(buffer.get()) {
    of.wait();
  }
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> host(buffer.size());
    buffer.download(host, *stream);
    stream->wait();
    return host;
  }
};

/// [2 x 3] times [3 x 2] by columns, as cublasLt plans it.
class CublasLt : public testing::Test {
 protected:
  CublasLt() {
    EXPECT_EQ(cublasLtCreate(&handle_), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulDescCreate(&matmul_, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&a_, CUDA_R_32F, 2, 3, 2), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&b_, CUDA_R_32F, 3, 2, 3), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&d_, CUDA_R_32F, 2, 2, 3), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceCreate(&preference_), CUBLAS_STATUS_SUCCESS);
  }
  ~CublasLt() override {
    static_cast<void>(cublasLtMatmulPreferenceDestroy(preference_));
    for (const cublasLtMatrixLayout_t layout : {a_, b_, d_}) static_cast<void>(cublasLtMatrixLayoutDestroy(layout));
    static_cast<void>(cublasLtMatmulDescDestroy(matmul_));
    static_cast<void>(cublasLtDestroy(handle_));
    EXPECT_EQ(emulation::n_cublas_lt_objects(), 0U);
    emulation::refuse_epilogues(false);
  }
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(matmul_, attribute, &value, sizeof value), CUBLAS_STATUS_SUCCESS);
  }
  void fuse(cublasLtEpilogue_t epilogue) { set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(epilogue)); }
  cublasStatus_t multiply(float* d) {
    const float one = 1;
    const float zero = 0;
    return cublasLtMatmul(handle_, matmul_, &one, a.data, a_, b.data, b_, &zero, d, d_, d, d_, nullptr, nullptr, 0,
                          stream_.get());
  }
  int n_found() {
    cublasLtMatmulHeuristicResult_t result{};
    int n = -1;
    static_cast<void>(cublasLtMatmulAlgoGetHeuristic(handle_, matmul_, a_, b_, d_, d_, preference_, 1, &result, &n));
    return n;
  }

  Stream stream_;
  const Memory<float> a{stream_, {1, -1, 2, 0, 3, 1}};   // rows 1 2 3 and -1 0 1
  const Memory<float> b{stream_, {1, 1, 1, -2, 1, -1}};  // columns 1 1 1 and -2 1 -1
  cublasLtHandle_t handle_{};
  cublasLtMatmulDesc_t matmul_{};
  cublasLtMatrixLayout_t a_{}, b_{}, d_{};
  cublasLtMatmulPreference_t preference_{};
};

TEST_F(CublasLt, StoresWhatReluMakesOfAProduct) {
  const Memory<float> d(stream_, {9, 9, 9, 9, 9, 9});
  fuse(CUBLASLT_EPILOGUE_RELU);
  EXPECT_EQ(n_found(), 1);
  ASSERT_EQ(multiply(d.data), CUBLAS_STATUS_SUCCESS);
  // The product's columns are 6 0 and -3 1; every third float of memory is beside it.
  EXPECT_EQ(d.values(), (std::vector<float>{6, 0, 9, 0, 1, 9}));
}

TEST_F(CublasLt, FindsNoKernelWhereEpiloguesAreRefused) {
  emulation::refuse_epilogues(true);
  EXPECT_EQ(n_found(), 1);
  fuse(CUBLASLT_EPILOGUE_RELU);
  EXPECT_EQ(n_found(), 0);
}

TEST_F(CublasLt, NoticesAResultOutsideOfDeviceMemory) {
  std::array<float, 6> on_host{};
  fuse(CUBLASLT_EPILOGUE_RELU);
  ASSERT_EQ(multiply(on_host.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_THROW(static_cast<void>(cudaStreamSynchronize(stream_.get())), emulation::KernelFault);
}

}  // namespace
}  // namespace shoal::cuda
