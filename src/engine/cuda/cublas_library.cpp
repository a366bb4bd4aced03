#include "engine/cuda/cublas_library.hpp"

#if !defined(SHOAL_EMULATION)
#include "engine/cuda/dynamic_library.hpp"
#endif
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

#if defined(SHOAL_EMULATION)

CublasLibrary load_cublas() {
  return {&cublasCreate_v2,
          &cublasDestroy_v2,
          &cublasSetStream_v2,
          &cublasSetWorkspace_v2,
          &cublasGetStatusString,
          &cublasGemmStridedBatchedEx,
          &cublasLtCreate,
          &cublasLtDestroy,
          &cublasLtMatmulDescCreate,
          &cublasLtMatmulDescDestroy,
          &cublasLtMatmulDescSetAttribute,
          &cublasLtMatrixLayoutCreate,
          &cublasLtMatrixLayoutDestroy,
          &cublasLtMatmulPreferenceCreate,
          &cublasLtMatmulPreferenceDestroy,
          &cublasLtMatmulPreferenceSetAttribute,
          &cublasLtMatmulAlgoGetHeuristic,
          &cublasLtMatmul};
}

#else

CublasLibrary load_cublas() {
  const DynamicLibrary cublas("libcublas.so.13");
  const DynamicLibrary lt("libcublasLt.so.13");
  CublasLibrary functions;
  cublas.find("cublasCreate_v2", functions.create);
  cublas.find("cublasDestroy_v2", functions.destroy);
  cublas.find("cublasSetStream_v2", functions.set_stream);
  cublas.find("cublasSetWorkspace_v2", functions.set_workspace);
  cublas.find("cublasGetStatusString", functions.status_string);
  cublas.find("cublasGemmStridedBatchedEx", functions.gemm_strided_batched);
  lt.find("cublasLtCreate", functions.lt_create);
  lt.find("cublasLtDestroy", functions.lt_destroy);
  lt.find("cublasLtMatmulDescCreate", functions.lt_create_matmul);
  lt.find("cublasLtMatmulDescDestroy", functions.lt_destroy_matmul);
  lt.find("cublasLtMatmulDescSetAttribute", functions.lt_set_matmul);
  lt.find("cublasLtMatrixLayoutCreate", functions.lt_create_layout);
  lt.find("cublasLtMatrixLayoutDestroy", functions.lt_destroy_layout);
  lt.find("cublasLtMatmulPreferenceCreate", functions.lt_create_preference);
  lt.find("cublasLtMatmulPreferenceDestroy", functions.lt_destroy_preference);
  lt.find("cublasLtMatmulPreferenceSetAttribute", functions.lt_set_preference);
  lt.find("cublasLtMatmulAlgoGetHeuristic", functions.lt_find);
  lt.find("cublasLtMatmul", functions.lt_multiply);
  return functions;
}

#endif

}  // namespace

const CublasLibrary& cublas_library() {
  static const CublasLibrary library = load_cublas();
  return library;
}

void check_blas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string what = std::string(call) + " failed: " + cublas_library().status_string(status);
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemoryError(what);
  throw Error(what);
}

std::string why_no_cublas() {
  try {
    static_cast<void>(cublas_library());
  } catch (const UnavailableError& error) {
    return error.what();
  }
  return {};
}

}  // namespace shoal::cuda
