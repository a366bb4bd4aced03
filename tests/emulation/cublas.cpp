#include "cublas.hpp"

#include <algorithm>
#include <cblas.h>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "call.hpp"
#include "cublas_product.hpp"
#include "kernel_fault.hpp"
#include "memory.hpp"
#include "stream.hpp"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

namespace shoal::emulation {
namespace {

Handles<cublasContext>& handles() {
  static Handles<cublasContext> all;
  return all;
}

std::uint64_t products_so_far = 0;

/// The tables of cublasGemmEx and its batched forms, as far as this emulation goes.
cublasStatus_t status_of_types(cudaDataType a, cudaDataType b, cudaDataType c, cublasComputeType_t compute) {
  if (a != b || c != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool any_type = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC;
  const bool supported =
      (a == CUDA_R_32F && (any_type || compute == CUBLAS_COMPUTE_32F_FAST_TF32)) || (a == CUDA_R_16BF && any_type);
  return supported ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

Elements elements_of(const cublasContext& handle, cudaDataType type, cublasComputeType_t compute) {
  if (type == CUDA_R_16BF) return Elements::bf16;
  const bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
                    (compute == CUBLAS_COMPUTE_32F && handle.math == CUBLAS_TF32_TENSOR_OP_MATH);
  return tf32 ? Elements::tf32 : Elements::fp32;
}

const void* advanced(const void* memory, long long elements, std::size_t bytes) {
  return static_cast<const std::byte*>(memory) + elements * static_cast<long long>(bytes);
}

/// A call with a handle.
template <class Body>
cublasStatus_t call_cublas(cublasHandle_t handle, Body body) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  if (!handles().has(handle)) return told(CUBLAS_STATUS_NOT_INITIALIZED);
  return told(body());
}

void multiply_on_device(const Product& p, const void* a, const void* b, void* c) {
  ++products_so_far;
  check_operand(p, 'C', c, p.m, p.n, p.ldc, sizeof(float));
  multiply(p, a, b, static_cast<float*>(c));
}

/// What the strided form takes, one product being a batch of 1.
struct Batch {
  const void *a, *b;
  void* c;
  long long stride_a, stride_b, stride_c;
  int n;
};

cublasStatus_t multiply_batch(cublasHandle_t handle, const Product& p, const Batch& batch) {
  if (batch.n < 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (const cublasStatus_t status = status_of_shape(p); status != CUBLAS_STATUS_SUCCESS) return status;
  if (p.m == 0 || p.n == 0 || batch.n == 0) return CUBLAS_STATUS_SUCCESS;
  const Workspace workspace{handle->workspace, handle->workspace_bytes};
  return status_of(enqueue(handle->stream, [p, batch, workspace] {
    const DeviceAccess access;
    workspace.poison();
    for (int i = 0; i < batch.n; ++i) {
      multiply_on_device(p, advanced(batch.a, i * batch.stride_a, bytes_of(p.elements)),
                         advanced(batch.b, i * batch.stride_b, bytes_of(p.elements)),
                         const_cast<void*>(advanced(batch.c, i * batch.stride_c, sizeof(float))));
    }
  }));
}

}  // namespace

std::size_t n_cublas_handles() { return handles().all().size(); }
std::uint64_t n_products() { return products_so_far; }

}  // namespace shoal::emulation

using namespace shoal::emulation;

namespace {

struct StatusText {
  cublasStatus_t status;
  const char* name;
  const char* text;
};
constexpr StatusText kStatusTexts[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE",
     "an unsupported value or parameter was passed to the function"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH",
     "the function requires an architectural feature absent from the device"},
    {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR", "an access to GPU memory space failed"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED", "the requested functionality is not supported"},
    {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR", "the license check failed"},
};
const StatusText& text_of(cublasStatus_t status) {
  return *std::ranges::find(kStatusTexts, status, &StatusText::status);
}

float scalar(const void* value) { return *static_cast<const float*>(value); }

}  // namespace

const char* cublasGetStatusName(cublasStatus_t status) { return text_of(status).name; }
const char* cublasGetStatusString(cublasStatus_t status) { return text_of(status).text; }

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  count_allocation();
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  openblas_set_num_threads(1);
  *handle = handles().add(std::make_unique<cublasContext>());
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const cublasStatus_t planted = status_of(next_call());
  if (!handles().take(handle)) return told(CUBLAS_STATUS_NOT_INITIALIZED);
  return told(planted);
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return call_cublas(handle, [&] {
    *handle = {.stream = stream, .math = handle->math};
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  constexpr std::uintptr_t kAlignment = 256;
  return call_cublas(handle, [&] {
    if (reinterpret_cast<std::uintptr_t>(workspace) % kAlignment != 0) return CUBLAS_STATUS_INVALID_VALUE;
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return call_cublas(handle, [&] {
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                            int k, const void* alpha, const void* A, cudaDataType Atype, int lda, const void* B,
                            cudaDataType Btype, int ldb, const void* beta, void* C, cudaDataType Ctype, int ldc,
                            cublasComputeType_t computeType, cublasGemmAlgo_t) {
  return call_cublas(handle, [&] {
    if (alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    const cublasStatus_t types = status_of_types(Atype, Btype, Ctype, computeType);
    if (types != CUBLAS_STATUS_SUCCESS) return types;
    return multiply_batch(handle,
                          {"cublasGemmEx", transa, transb, m, n, k, scalar(alpha), scalar(beta), lda, ldb, ldc,
                           elements_of(*handle, Atype, computeType)},
                          {A, B, C, 0, 0, 0, 1});
  });
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                          int m, int n, int k, const void* alpha, const void* A, cudaDataType Atype,
                                          int lda, long long int strideA, const void* B, cudaDataType Btype, int ldb,
                                          long long int strideB, const void* beta, void* C, cudaDataType Ctype, int ldc,
                                          long long int strideC, int batchCount, cublasComputeType_t computeType,
                                          cublasGemmAlgo_t) {
  return call_cublas(handle, [&] {
    if (alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    const cublasStatus_t types = status_of_types(Atype, Btype, Ctype, computeType);
    if (types != CUBLAS_STATUS_SUCCESS) return types;
    return multiply_batch(handle,
                          {"cublasGemmStridedBatchedEx", transa, transb, m, n, k, scalar(alpha), scalar(beta), lda, ldb,
                           ldc, elements_of(*handle, Atype, computeType)},
                          {A, B, C, strideA, strideB, strideC, batchCount});
  });
}

cublasStatus_t cublasGemmGroupedBatchedEx(cublasHandle_t handle, const cublasOperation_t transa_array[],
                                          const cublasOperation_t transb_array[], const int m_array[],
                                          const int n_array[], const int k_array[], const void* alpha_array,
                                          const void* const Aarray[], cudaDataType_t Atype, const int lda_array[],
                                          const void* const Barray[], cudaDataType_t Btype, const int ldb_array[],
                                          const void* beta_array, void* const Carray[], cudaDataType_t Ctype,
                                          const int ldc_array[], int group_count, const int group_size[],
                                          cublasComputeType_t computeType) {
  return call_cublas(handle, [&] {
    const void* const arrays[] = {transa_array, transb_array, m_array,    n_array,   k_array,   alpha_array,
                                  lda_array,    ldb_array,    beta_array, ldc_array, group_size};
    if (group_count < 0 || std::ranges::find(arrays, nullptr) != std::end(arrays)) return CUBLAS_STATUS_INVALID_VALUE;
    if (Atype != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    const cublasStatus_t types = status_of_types(Atype, Btype, Ctype, computeType);
    if (types != CUBLAS_STATUS_SUCCESS) return types;
    std::vector<std::pair<Product, int>> groups;
    std::size_t n_products = 0;
    for (int g = 0; g < group_count; ++g) {
      const Product p{"cublasGemmGroupedBatchedEx",
                      transa_array[g],
                      transb_array[g],
                      m_array[g],
                      n_array[g],
                      k_array[g],
                      static_cast<const float*>(alpha_array)[g],
                      static_cast<const float*>(beta_array)[g],
                      lda_array[g],
                      ldb_array[g],
                      ldc_array[g],
                      elements_of(*handle, Atype, computeType)};
      if (group_size[g] < 0 || status_of_shape(p) != CUBLAS_STATUS_SUCCESS) return CUBLAS_STATUS_INVALID_VALUE;
      groups.emplace_back(p, group_size[g]);
      n_products += static_cast<std::size_t>(group_size[g]);
    }
    if (n_products == 0) return CUBLAS_STATUS_SUCCESS;
    const Workspace workspace{handle->workspace, handle->workspace_bytes};
    return status_of(
        enqueue(handle->stream, [groups = std::move(groups), n_products, Aarray, Barray, Carray, workspace] {
          const DeviceAccess access;
          workspace.poison();
          for (const void* const array :
               {static_cast<const void*>(Aarray), static_cast<const void*>(Barray), static_cast<const void*>(Carray)}) {
            if (in_device_memory(array, n_products * sizeof(void*))) continue;
            throw KernelFault("cublasGemmGroupedBatchedEx: an array of pointers is not in device memory");
          }
          std::size_t product = 0;
          for (const auto& [p, n] : groups) {
            for (int i = 0; i < n; ++i, ++product) {
              if (p.m > 0 && p.n > 0) multiply_on_device(p, Aarray[product], Barray[product], Carray[product]);
            }
          }
        }));
  });
}
