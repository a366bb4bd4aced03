#include "cublas_lt.hpp"

#include <cstring>
#include <memory>
#include <vector>

#include "call.hpp"
#include "cublas_product.hpp"
#include "kernels/math/bfloat16.hpp"
#include "memory.hpp"
#include "stream.hpp"

struct cublasLtContext {};
struct EmulatedMatmul {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  std::int32_t transa = CUBLAS_OP_N, transb = CUBLAS_OP_N;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
};
struct EmulatedLayout {
  cudaDataType type = CUDA_R_32F;
  std::uint64_t rows = 0, columns = 0;
  std::int64_t ld = 0;
};
struct EmulatedPreference {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t reduction_schemes = CUBLASLT_REDUCTION_SCHEME_MASK;
};

namespace shoal::emulation {
namespace {

template <class T>
Handles<T>& all_of() {
  static Handles<T> all;
  return all;
}

bool refuses_epilogues = false;
std::size_t lt_products_so_far = 0;

template <class T>
cublasStatus_t create(T** handle, const T& value) {
  count_allocation();
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  *handle = all_of<T>().add(std::make_unique<T>(value));
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t destroy(T* handle) {
  const cublasStatus_t planted = status_of(next_call());
  if (!all_of<T>().take(handle)) return told(CUBLAS_STATUS_INVALID_VALUE);
  return told(planted);
}

template <class T>
cublasStatus_t set(T& to, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, sizeof(T));
  return CUBLAS_STATUS_SUCCESS;
}

/// A product with what becomes of it before it is stored.
struct FusedProduct {
  Product product;
  bool has_relu;
  cudaDataType d_type;
};

cublasStatus_t fused_product(const EmulatedMatmul& matmul, const EmulatedLayout& a, const EmulatedLayout& b,
                             const EmulatedLayout& d, FusedProduct& fused) {
  const bool swaps_a = matmul.transa != CUBLAS_OP_N;
  const bool swaps_b = matmul.transb != CUBLAS_OP_N;
  const auto whole = [](auto x) { return static_cast<int>(x); };
  const std::uint64_t k = swaps_a ? a.rows : a.columns;
  if (d.rows != (swaps_a ? a.columns : a.rows) || d.columns != (swaps_b ? b.rows : b.columns) ||
      k != (swaps_b ? b.columns : b.rows)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (a.type != b.type || (d.type != CUDA_R_32F && d.type != a.type)) return CUBLAS_STATUS_NOT_SUPPORTED;
  const Elements elements = a.type == CUDA_R_16BF                            ? Elements::bf16
                            : matmul.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? Elements::tf32
                                                                             : Elements::fp32;
  fused = {
      {"cublasLtMatmul", static_cast<cublasOperation_t>(matmul.transa), static_cast<cublasOperation_t>(matmul.transb),
       whole(d.rows), whole(d.columns), whole(k), 1.0F, 0.0F, whole(a.ld), whole(b.ld), whole(d.ld), elements},
      matmul.epilogue == CUBLASLT_EPILOGUE_RELU,
      d.type};
  return status_of_shape(fused.product);
}

void store(const FusedProduct& fused, const std::vector<float>& values, void* d) {
  const Product& p = fused.product;
  for (int column = 0; column < p.n; ++column) {
    for (int row = 0; row < p.m; ++row) {
      float value =
          values[static_cast<std::size_t>(column) * static_cast<std::size_t>(p.m) + static_cast<std::size_t>(row)];
      if (fused.has_relu && !(value > 0)) value = 0;
      const std::size_t at =
          static_cast<std::size_t>(column) * static_cast<std::size_t>(p.ldc) + static_cast<std::size_t>(row);
      if (fused.d_type == CUDA_R_16BF) {
        static_cast<math::Bfloat16*>(d)[at] = math::to_bfloat16(value);
      } else {
        static_cast<float*>(d)[at] = value;
      }
    }
  }
}

void run(const FusedProduct& fused, const void* a, const void* b, void* d) {
  Product p = fused.product;
  check_operand(p, 'D', d, p.m, p.n, p.ldc, fused.d_type == CUDA_R_16BF ? sizeof(math::Bfloat16) : sizeof(float));
  std::vector<float> values(static_cast<std::size_t>(p.m) * static_cast<std::size_t>(p.n));
  p.ldc = p.m;
  multiply(p, a, b, values.data());
  store(fused, values, d);
}

}  // namespace

void refuse_epilogues(bool refuse) { refuses_epilogues = refuse; }
std::size_t n_cublas_lt_objects() {
  return all_of<cublasLtContext>().all().size() + all_of<EmulatedMatmul>().all().size() +
         all_of<EmulatedLayout>().all().size() + all_of<EmulatedPreference>().all().size();
}
std::size_t n_cublas_lt_products() { return lt_products_so_far; }

}  // namespace shoal::emulation

using namespace shoal::emulation;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return create(handle, cublasLtContext{}); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute, cudaDataType_t scale) {
  if (scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  return create(desc, EmulatedMatmul{.compute = compute});
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) { return destroy(desc); }

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(desc->transa, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(desc->transb, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(desc->epilogue, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t ld) {
  return create(layout, EmulatedLayout{type, rows, columns, ld});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return create(preference, EmulatedPreference{});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return destroy(preference); }

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return set(preference->workspace_bytes, value, bytes);
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) return set(preference->reduction_schemes, value, bytes);
  std::uint32_t alignment = 0;
  return set(alignment, value, bytes);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t, int n_asked,
                                              cublasLtMatmulHeuristicResult_t* results, int* n_found) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  if (!all_of<cublasLtContext>().has(handle)) return told(CUBLAS_STATUS_NOT_INITIALIZED);
  if (n_asked < 1) return told(CUBLAS_STATUS_INVALID_VALUE);
  *n_found = 0;
  if (refuses_epilogues && desc->epilogue != CUBLASLT_EPILOGUE_DEFAULT) return CUBLAS_STATUS_NOT_SUPPORTED;
  FusedProduct fused{};
  if (const cublasStatus_t status = fused_product(*desc, *a, *b, *d, fused); status != CUBLAS_STATUS_SUCCESS) {
    return status;
  }
  *n_found = 1;
  results[0] = {.algo = {}, .workspaceSize = 0, .state = CUBLAS_STATUS_SUCCESS, .wavesCount = 1, .reserved = {}};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha, const void* A,
                              cublasLtMatrixLayout_t a, const void* B, cublasLtMatrixLayout_t b, const void* beta,
                              const void*, cublasLtMatrixLayout_t, void* D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t*, void* workspace, std::size_t workspace_bytes,
                              cudaStream_t stream) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return told(status_of(error));
  if (!all_of<cublasLtContext>().has(handle)) return told(CUBLAS_STATUS_NOT_INITIALIZED);
  FusedProduct fused{};
  if (const cublasStatus_t status = fused_product(*desc, *a, *b, *d, fused); status != CUBLAS_STATUS_SUCCESS) {
    return told(status);
  }
  const float scale = *static_cast<const float*>(alpha);
  if (*static_cast<const float*>(beta) != 0) return told(CUBLAS_STATUS_NOT_SUPPORTED);
  fused.product.alpha = scale;
  ++lt_products_so_far;
  return told(status_of(enqueue(stream, [fused, A, B, D, space = Workspace{workspace, workspace_bytes}] {
    const DeviceAccess access;
    space.poison();
    run(fused, A, B, D);
  })));
}
