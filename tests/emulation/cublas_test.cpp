// The emulated cuBLAS against plain sums.
#include "cublas.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernel_fault.hpp"

namespace shoal::cuda {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class Cublas : public ::testing::Test {
 protected:
  Cublas() {
    EXPECT_EQ(cublasCreate_v2(&handle_), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasSetStream_v2(handle_, stream_.get()), CUBLAS_STATUS_SUCCESS);
  }
  ~Cublas() override { EXPECT_EQ(cublasDestroy_v2(handle_), CUBLAS_STATUS_SUCCESS); }

  template <class T>
  DeviceBuffer<T> on_device(const std::vector<T>& values) {
    DeviceBuffer<T> buffer = uploaded(std::span(values), stream_);
    stream_.wait();
    return buffer;
  }
  std::vector<float> read(const DeviceBuffer<float>& buffer) {
    std::vector<float> values(buffer.size());
    buffer.download(values, stream_);
    stream_.wait();
    return values;
  }
  /// c = a b of 1 x 1 matrices.
  template <class T>
  float product_of(T a, T b, cudaDataType type, cublasComputeType_t compute) {
    const DeviceBuffer<T> left = on_device(std::vector{a});
    const DeviceBuffer<T> right = on_device(std::vector{b});
    const DeviceBuffer<float> c(1);
    EXPECT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one_, left.get(), type, 1, right.get(), type, 1,
                           &zero_, c.get(), CUDA_R_32F, 1, compute, CUBLAS_GEMM_DEFAULT),
              CUBLAS_STATUS_SUCCESS);
    return read(c)[0];
  }

  Stream stream_;
  cublasHandle_t handle_{};
  float one_ = 1, zero_ = 0;
};

/// Small integers, so that every sum is exact; ld beyond the rows holds NaN.
std::vector<float> integers(int rows, int columns, int ld, int seed) {
  std::vector<float> values(static_cast<std::size_t>(ld) * static_cast<std::size_t>(columns), kNaN);
  for (int c = 0; c < columns; ++c) {
    for (int r = 0; r < rows; ++r) {
      values[static_cast<std::size_t>(c * ld + r)] = static_cast<float>((r * 7 + c * 3 + seed) % 11 - 5);
    }
  }
  return values;
}

TEST_F(Cublas, MultipliesBatchesInEveryTranspositionAndLeavesPaddingAlone) {
  constexpr int kM = 5, kN = 4, kK = 3, kLd = 7, kBatches = 3;
  constexpr std::array kOps{CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C};
  for (const auto transa : kOps) {
    for (const auto transb : kOps) {
      const bool na = transa == CUBLAS_OP_N, nb = transb == CUBLAS_OP_N;
      std::vector<float> a, b, c;
      for (int i = 0; i < kBatches; ++i) {
        std::ranges::copy(integers(na ? kM : kK, na ? kK : kM, kLd, i), std::back_inserter(a));
        std::ranges::copy(integers(nb ? kK : kN, nb ? kN : kK, kLd, i + 5), std::back_inserter(b));
        std::ranges::copy(integers(kM, kN, kLd, i + 9), std::back_inserter(c));
      }
      const int stride_a = kLd * (na ? kK : kM), stride_b = kLd * (nb ? kN : kK), stride_c = kLd * kN;
      const auto da = on_device(a), db = on_device(b), dc = on_device(c);
      const float alpha = 2, beta = -1;
      ASSERT_EQ(cublasGemmStridedBatchedEx(handle_, transa, transb, kM, kN, kK, &alpha, da.get(), CUDA_R_32F, kLd,
                                           stride_a, db.get(), CUDA_R_32F, kLd, stride_b, &beta, dc.get(), CUDA_R_32F,
                                           kLd, stride_c, kBatches, CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_GEMM_DEFAULT),
                CUBLAS_STATUS_SUCCESS);
      const std::vector<float> got = read(dc);
      for (int i = 0; i < kBatches; ++i) {
        for (int col = 0; col < kN; ++col) {
          for (int row = 0; row < kLd; ++row) {
            const auto at = [](const std::vector<float>& m, int start, int r, int cc) {
              return m[static_cast<std::size_t>(start + cc * kLd + r)];
            };
            const float value = at(got, i * stride_c, row, col);
            if (row >= kM) {
              EXPECT_TRUE(std::isnan(value));
              continue;
            }
            float sum = 0;
            for (int x = 0; x < kK; ++x) {
              sum += (na ? at(a, i * stride_a, row, x) : at(a, i * stride_a, x, row)) *
                     (nb ? at(b, i * stride_b, x, col) : at(b, i * stride_b, col, x));
            }
            EXPECT_EQ(value, 2 * sum - at(c, i * stride_c, row, col));
          }
        }
      }
    }
  }
}

TEST_F(Cublas, TakesAnyNumberOfBatchesAndTheSameOperandForAll) {
  constexpr int kBatches = 65536;
  const auto a = on_device(std::vector<float>{3}), b = on_device(std::vector<float>(kBatches, 2));
  const DeviceBuffer<float> c(kBatches);
  ASSERT_EQ(cublasGemmStridedBatchedEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one_, a.get(), CUDA_R_32F, 1, 0,
                                       b.get(), CUDA_R_32F, 1, 1, &zero_, c.get(), CUDA_R_32F, 1, 1, kBatches,
                                       CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(read(c), std::vector<float>(kBatches, 6));
}

TEST_F(Cublas, ZeroBetaDoesNotReadC) {
  EXPECT_EQ(product_of(3.0F, 4.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F), 12) << "c was 0xFF";
}

TEST_F(Cublas, EmptySumIsBetaC) {
  const auto c = on_device(std::vector<float>{3, 4});
  const float beta = 2;
  ASSERT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 1, 0, &one_, nullptr, CUDA_R_32F, 2, nullptr, CUDA_R_32F,
                         1, &beta, c.get(), CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(read(c), (std::vector<float>{6, 8}));
}

TEST_F(Cublas, RoundsOperandsToTf32WhereItIsAllowed) {
  const float tie = 1 + std::ldexp(1.0F, -11);  // between two tf32 numbers: away from zero
  const float below = std::nextafter(tie, 0.0F);
  const float up = 1 + std::ldexp(1.0F, -10);
  EXPECT_EQ(product_of(tie, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F), tie);
  EXPECT_EQ(product_of(tie, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32), up);
  EXPECT_EQ(product_of(1.0F, -tie, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32), -up);
  EXPECT_EQ(product_of(below, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32), 1.0F);
  ASSERT_EQ(cublasSetMathMode(handle_, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(product_of(tie, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F), up);
  EXPECT_EQ(product_of(tie, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC), tie);
}

TEST_F(Cublas, ReadsBfloat16) {
  const std::uint16_t three = 0x4040, minus_half = 0xBF00;
  EXPECT_EQ(product_of(three, minus_half, CUDA_R_16BF, CUBLAS_COMPUTE_32F), -1.5F);
}

struct Group {
  std::vector<cublasOperation_t> ops{CUBLAS_OP_N, CUBLAS_OP_N};
  std::vector<int> m{1, 2}, n{1, 1}, k{1, 2}, lda{1, 2}, ldb{1, 2}, ldc{1, 2}, size{2, 1};
  std::vector<float> alpha{1, 2}, beta{0, 0};
};

TEST_F(Cublas, MultipliesGroupsOfUnequalShape) {
  // Two 1 x 1 products, then a 2 x 2 matrix by a vector.
  const auto a = on_device(std::vector<float>{2, 3, 1, 2, 3, 4}), b = on_device(std::vector<float>{5, 7, 1, -1});
  const DeviceBuffer<float> c(4);
  const auto pa = on_device(std::vector<const void*>{a.get(), a.get() + 1, a.get() + 2});
  const auto pb = on_device(std::vector<const void*>{b.get(), b.get() + 1, b.get() + 2});
  const auto pc = on_device(std::vector<void*>{c.get(), c.get() + 1, c.get() + 2});
  const auto multiply = [&](const Group& g, const void* const* first, cudaDataType type) {
    return cublasGemmGroupedBatchedEx(handle_, g.ops.data(), g.ops.data(), g.m.data(), g.n.data(), g.k.data(),
                                      g.alpha.data(), first, type, g.lda.data(), pb.get(), type, g.ldb.data(),
                                      g.beta.data(), pc.get(), CUDA_R_32F, g.ldc.data(), 2, g.size.data(),
                                      CUBLAS_COMPUTE_32F);
  };
  ASSERT_EQ(multiply({}, pa.get(), CUDA_R_32F), CUBLAS_STATUS_SUCCESS) << "its arrays are gone when it runs";
  EXPECT_EQ(read(c), (std::vector<float>{10, 21, -4, -4}));
  EXPECT_EQ(multiply({}, pa.get(), CUDA_R_16BF), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(multiply({.size = {2, -1}}, pa.get(), CUDA_R_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(multiply({.lda = {1, 1}}, pa.get(), CUDA_R_32F), CUBLAS_STATUS_INVALID_VALUE);
  const std::vector<const void*> on_host{a.get(), a.get(), a.get()};
  ASSERT_EQ(multiply({}, on_host.data(), CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_THROW(stream_.wait(), emulation::KernelFault);
}

TEST_F(Cublas, RefusesArgumentsThatItsManualForbids) {
  const DeviceBuffer<float> x(64);
  const auto status = [&](int m, int n, int k, int lda, int ldb, int ldc, const float* alpha, cudaDataType type,
                          cublasComputeType_t compute) {
    return cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_T, m, n, k, alpha, x.get(), type, lda, x.get(), type, ldb,
                        &zero_, x.get(), CUDA_R_32F, ldc, compute, CUBLAS_GEMM_DEFAULT);
  };
  const auto fp32 = [&](int m, int n, int k, int lda, int ldb, int ldc) {
    return status(m, n, k, lda, ldb, ldc, &one_, CUDA_R_32F, CUBLAS_COMPUTE_32F);
  };
  EXPECT_EQ(fp32(2, 3, 4, 2, 3, 2), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(fp32(-1, 3, 4, 2, 3, 2), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(2, -3, 4, 2, 3, 2), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(2, 3, -4, 2, 3, 2), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(2, 3, 4, 1, 3, 2), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(2, 3, 4, 2, 2, 2), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(2, 3, 4, 2, 3, 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(fp32(0, 3, 4, 1, 3, 0), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status(2, 3, 4, 2, 3, 2, nullptr, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status(2, 3, 4, 2, 3, 2, &one_, CUDA_R_16BF, CUBLAS_COMPUTE_32F_FAST_TF32), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status(2, 3, 4, 2, 3, 2, &one_, CUDA_R_16F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED), "CUBLAS_STATUS_NOT_SUPPORTED");
  EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED), "the requested functionality is not supported");
}

TEST_F(Cublas, OperandOutsideOfDeviceMemoryIsAFaultThatNamesIt) {
  const DeviceBuffer<float> x(6);
  const auto fault_of = [&](const float* a, const float* b, float* c) -> std::string {
    EXPECT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 1, 3, &one_, a, CUDA_R_32F, 2, b, CUDA_R_32F, 3,
                           &zero_, c, CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
              CUBLAS_STATUS_SUCCESS);
    try {
      stream_.wait();
    } catch (const emulation::KernelFault& fault) {
      return fault.what();
    }
    return "";
  };
  std::array<float, 6> host{};
  EXPECT_EQ(fault_of(x.get() + 1, x.get(), x.get()), "cublasGemmEx: A of 2 x 3 is not in device memory");
  EXPECT_EQ(fault_of(x.get(), host.data(), x.get()), "cublasGemmEx: B of 3 x 1 is not in device memory");
  EXPECT_EQ(fault_of(x.get(), x.get(), x.get() + 5), "cublasGemmEx: C of 2 x 1 is not in device memory");
}

TEST_F(Cublas, LeavesPoisonInItsWorkspace) {
  const auto workspace = on_device(std::vector<float>{1, 2});
  ASSERT_EQ(cublasSetWorkspace_v2(handle_, workspace.get(), 4), CUBLAS_STATUS_SUCCESS);
  product_of(1.0F, 1.0F, CUDA_R_32F, CUBLAS_COMPUTE_32F);
  EXPECT_TRUE(std::isnan(read(workspace)[0]));
  EXPECT_EQ(read(workspace)[1], 2);
  EXPECT_EQ(cublasSetWorkspace_v2(handle_, workspace.get() + 1, 4), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Cublas, IsCapturedIntoGraphs) {
  const auto x = on_device(std::vector<float>{3});
  ASSERT_EQ(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal), cudaSuccess);
  ASSERT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one_, x.get(), CUDA_R_32F, 1, x.get(), CUDA_R_32F,
                         1, &one_, x.get(), CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  cudaGraph_t graph{};
  cudaGraphExec_t exec{};
  ASSERT_EQ(cudaStreamEndCapture(stream_.get(), &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream_.get()), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream_.get()), cudaSuccess);
  EXPECT_EQ(read(x)[0], (9 + 3) * (9 + 3) + (9 + 3)) << "x = x x + x, twice";
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

}  // namespace
}  // namespace shoal::cuda
