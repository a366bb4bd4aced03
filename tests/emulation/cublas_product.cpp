#include "cublas_product.hpp"

#include <algorithm>
#include <bit>
#include <cblas.h>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "call.hpp"
#include "kernel_fault.hpp"
#include "memory.hpp"
#include "stream.hpp"

namespace shoal::emulation {
namespace {

/// Of a workspace after a product: all of it would cost more than the product.
constexpr std::size_t kPoisonedBytes = 4096;

bool is_operation(cublasOperation_t operation) {
  return operation == CUBLAS_OP_N || operation == CUBLAS_OP_T || operation == CUBLAS_OP_C;
}

/// To 10 bits of mantissa, the nearest, ties away from zero: cvt.rna.tf32.
float rounded_to_tf32(float value) {
  constexpr std::uint32_t kHalf = 0x1000;
  constexpr std::uint32_t kDropped = 0x1FFF;
  return std::isfinite(value) ? std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + kHalf) & ~kDropped) : value;
}

/// An operand as floats that a multiplier takes; `packed` holds them where they are not what lies in device memory.
struct Operand {
  std::vector<float> packed;
  const float* data;
  int ld;

  Operand(Elements elements, const void* memory, int rows, int columns, int memory_ld)
      : data(static_cast<const float*>(memory)), ld(memory_ld) {
    if (elements == Elements::fp32) return;
    for (int c = 0; c < columns; ++c) {
      const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(c) * memory_ld;
      for (std::ptrdiff_t i = first; i < first + rows; ++i) {
        packed.push_back(elements == Elements::tf32
                             ? rounded_to_tf32(data[i])
                             : std::bit_cast<float>(std::uint32_t{static_cast<const std::uint16_t*>(memory)[i]} << 16));
      }
    }
    data = packed.data();
    ld = rows;
  }
};

CBLAS_TRANSPOSE cblas_operation(cublasOperation_t operation) {
  return operation == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

}  // namespace

std::size_t bytes_of(Elements elements) { return elements == Elements::bf16 ? 2 : 4; }

cublasStatus_t status_of_shape(const Product& p) {
  const int a_rows = p.transa == CUBLAS_OP_N ? p.m : p.k;
  const int b_rows = p.transb == CUBLAS_OP_N ? p.k : p.n;
  const bool valid = is_operation(p.transa) && is_operation(p.transb) && p.m >= 0 && p.n >= 0 && p.k >= 0 &&
                     p.lda >= std::max(1, a_rows) && p.ldb >= std::max(1, b_rows) && p.ldc >= std::max(1, p.m);
  return valid ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

/// Column after column, none of it outside of device memory.
void check_operand(const Product& p, char name, const void* data, int rows, int columns, int ld, std::size_t bytes) {
  const std::size_t extent =
      static_cast<std::size_t>(columns - 1) * static_cast<std::size_t>(ld) + static_cast<std::size_t>(rows);
  if (in_device_memory(data, extent * bytes)) return;
  throw KernelFault(std::string(p.call) + ": " + name + " of " + std::to_string(rows) + " x " +
                    std::to_string(columns) + " is not in device memory");
}

void multiply(const Product& p, const void* a, const void* b, float* c) {
  const bool reads = p.k > 0 && p.alpha != 0;
  const auto [a_rows, a_columns] = p.transa == CUBLAS_OP_N ? std::pair(p.m, p.k) : std::pair(p.k, p.m);
  const auto [b_rows, b_columns] = p.transb == CUBLAS_OP_N ? std::pair(p.k, p.n) : std::pair(p.n, p.k);
  if (reads) {
    check_operand(p, 'A', a, a_rows, a_columns, p.lda, bytes_of(p.elements));
    check_operand(p, 'B', b, b_rows, b_columns, p.ldb, bytes_of(p.elements));
  }
  const Operand left(p.elements, a, reads ? a_rows : 0, reads ? a_columns : 0, p.lda);
  const Operand right(p.elements, b, reads ? b_rows : 0, reads ? b_columns : 0, p.ldb);
  cblas_sgemm(CblasColMajor, cblas_operation(p.transa), cblas_operation(p.transb), p.m, p.n, reads ? p.k : 0, p.alpha,
              left.data, std::max(left.ld, 1), right.data, std::max(right.ld, 1), p.beta, c, p.ldc);
}

void Workspace::poison() const {
  if (bytes == 0) return;
  if (!in_device_memory(memory, bytes)) throw KernelFault("the workspace of cuBLAS is not in device memory");
  std::memset(memory, 0xFF, std::min(bytes, kPoisonedBytes));
}

cublasStatus_t status_of(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return CUBLAS_STATUS_SUCCESS;
    case cudaErrorMemoryAllocation:
      return CUBLAS_STATUS_ALLOC_FAILED;
    case cudaErrorInitializationError:
    case cudaErrorInsufficientDriver:
    case cudaErrorDevicesUnavailable:
    case cudaErrorNoDevice:
      return CUBLAS_STATUS_NOT_INITIALIZED;
    default:
      return CUBLAS_STATUS_EXECUTION_FAILED;
  }
}

/// As note(), which is for the runtime's errors.
cublasStatus_t told(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) run_all_before_release();
  return status;
}

}  // namespace shoal::emulation
