#pragma once

#include <cstddef>
#include <cstdint>

#include "cublas.hpp"

/// What the emulations of cuBLAS and cublasLt share.
namespace shoal::emulation {

enum class Elements : std::uint8_t { fp32, tf32, bf16 };
[[nodiscard]] std::size_t bytes_of(Elements elements);

/// C = alpha op(A) op(B) + beta C, by columns.
struct Product {
  const char* call;
  cublasOperation_t transa, transb;
  int m, n, k;
  float alpha, beta;
  int lda, ldb, ldc;
  Elements elements;
};
[[nodiscard]] cublasStatus_t status_of_shape(const Product& p);
/// Of a stream's operation: A and B must lie in device memory.
void multiply(const Product& p, const void* a, const void* b, float* c);
/// Throws KernelFault where a matrix of these columns is not wholly in device memory.
void check_operand(const Product& p, char name, const void* data, int rows, int columns, int ld, std::size_t bytes);

struct Workspace {
  void* memory;
  std::size_t bytes;

  void poison() const;
};

[[nodiscard]] cublasStatus_t status_of(cudaError_t error);
/// As note(), which is for the runtime's errors.
cublasStatus_t told(cublasStatus_t status);

}  // namespace shoal::emulation
