#pragma once

#include <string>

#include "engine/cuda/cublas_api.hpp"

namespace shoal::cuda {

/// What the engine calls of cuBLAS and of cublasLt.
struct CublasLibrary {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasDestroy_v2) destroy = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasGetStatusString) status_string = nullptr;
  /// cublas_v2.h has another of this name, for compute types of long ago.
  using GemmStridedBatchedEx = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n,
                                                  int k, const void* alpha, const void* a, cudaDataType, int lda,
                                                  long long stride_a, const void* b, cudaDataType, int ldb,
                                                  long long stride_b, const void* beta, void* c, cudaDataType, int ldc,
                                                  long long stride_c, int n_matrices, cublasComputeType_t,
                                                  cublasGemmAlgo_t);
  GemmStridedBatchedEx gemm_strided_batched = nullptr;

  decltype(&cublasLtCreate) lt_create = nullptr;
  decltype(&cublasLtDestroy) lt_destroy = nullptr;
  decltype(&cublasLtMatmulDescCreate) lt_create_matmul = nullptr;
  decltype(&cublasLtMatmulDescDestroy) lt_destroy_matmul = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) lt_set_matmul = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) lt_create_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) lt_destroy_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) lt_create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) lt_destroy_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) lt_set_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) lt_find = nullptr;
  decltype(&cublasLtMatmul) lt_multiply = nullptr;
};

/// Loads it at the first call: 600 MB that a sweep on the CPU never needs, and that need not be there. Throws
/// UnavailableError that says what was looked for.
[[nodiscard]] const CublasLibrary& cublas_library();
/// Throws Error with the call's name, or OutOfMemoryError, where it failed.
void check_blas(cublasStatus_t status, const char* call);
/// Why it cannot be loaded; empty if it can.
[[nodiscard]] std::string why_no_cublas();

}  // namespace shoal::cuda
