#include "engine/cuda/relu_product.hpp"

#include <utility>

namespace shoal::cuda {

LtHandle make_lt_handle() {
  cublasLtHandle_t handle{};
  check_blas(cublas_library().lt_create(&handle), "cublasLtCreate");
  return LtHandle(handle);
}

ReluProduct::Layout ReluProduct::layout(cudaDataType_t type, std::uint32_t rows, std::uint32_t columns,
                                        std::uint32_t of_memory) {
  cublasLtMatrixLayout_t created{};
  check_blas(cublas_library().lt_create_layout(&created, type, columns, rows, std::int64_t{of_memory}),
             "cublasLtMatrixLayoutCreate");
  return Layout(created);
}

void ReluProduct::describe() {
  cublasLtMatmulDesc_t created{};
  check_blas(cublas_library().lt_create_matmul(&created, blas_->compute_type(), CUDA_R_32F),
             "cublasLtMatmulDescCreate");
  matmul_.reset(created);
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    check_blas(cublas_library().lt_set_matmul(created, attribute, &value, sizeof value),
               "cublasLtMatmulDescSetAttribute");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(CUBLAS_OP_T));
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_RELU));
}

bool ReluProduct::choose_algorithm() {
  const CublasLibrary& library = cublas_library();
  cublasLtMatmulPreference_t created{};
  check_blas(library.lt_create_preference(&created), "cublasLtMatmulPreferenceCreate");
  const Preference preference(created);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check_blas(library.lt_set_preference(created, attribute, &value, sizeof value),
               "cublasLtMatmulPreferenceSetAttribute");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{blas_->workspace().size()});
  // A depth that is split is added up in fp32, not in the type of the result, which may be bf16.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(attribute, std::uint32_t{16});  // what padding gives every matrix
  }
  cublasLtMatmulHeuristicResult_t found{};
  int n_found = 0;
  const cublasStatus_t status = library.lt_find(handle_, matmul_.get(), b_layout_.get(), a_layout_.get(),
                                                c_layout_.get(), c_layout_.get(), created, 1, &found, &n_found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return false;
  check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
  algorithm_ = found.algo;
  return n_found > 0 && found.state == CUBLAS_STATUS_SUCCESS;
}

/// As Blas's products: the transposed product of column-major memory, with the operands in each other's place.
template <class T>
std::optional<ReluProduct> ReluProduct::find(const LtHandle& handle, const Blas& blas, const ReluOperands<T>& of) {
  std::optional<ReluProduct> product(ReluProduct(handle, blas));
  const cudaDataType_t type = data_type(of.a.first);
  product->a_layout_ = layout(type, of.m, of.k, of.a.columns);
  product->b_layout_ = layout(type, of.n, of.k, of.b.columns);
  product->c_layout_ = layout(type, of.m, of.n, of.c.columns);
  product->a_ = of.a.first;
  product->b_ = of.b.first;
  product->c_ = of.c.first;
  product->describe();
  if (!product->choose_algorithm()) return std::nullopt;
  return product;
}

void ReluProduct::launch() const {
  const float one = 1.0F;
  const float zero = 0.0F;
  const DeviceBuffer<std::byte>& workspace = blas_->workspace();
  check_blas(cublas_library().lt_multiply(handle_, matmul_.get(), &one, b_, b_layout_.get(), a_, a_layout_.get(), &zero,
                                          c_, c_layout_.get(), c_, c_layout_.get(), &algorithm_, workspace.get(),
                                          workspace.size(), blas_->stream().get()),
             "cublasLtMatmul");
}

template std::optional<ReluProduct> ReluProduct::find(const LtHandle&, const Blas&, const ReluOperands<float>&);
template std::optional<ReluProduct> ReluProduct::find(const LtHandle&, const Blas&,
                                                      const ReluOperands<math::Bfloat16>&);

}  // namespace shoal::cuda
