#include <span>

#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/tensor_core.cuh"
#include "tests/kernels/tensor_core.hpp"

namespace {

using namespace shoal::cuda;

template <class Format>
SHOAL_KERNEL void product_kernel(const float* left, const float* right, float* sum) {
  SumFragment fragment;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const Element e = sum_element(lane(), i);
    fragment.values[i] = sum[e.row * 8 + e.column];
  }
  multiply_add(fragment,
               left_fragment<Format>([=](std::uint32_t m, std::uint32_t k) { return left[m * Format::kDepth + k]; }),
               right_fragment<Format>([=](std::uint32_t k, std::uint32_t n) { return right[k * 8 + n]; }));
  for (std::uint32_t i = 0; i < 4; ++i) {
    const Element e = sum_element(lane(), i);
    sum[e.row * 8 + e.column] = fragment.values[i];
  }
}

template <class Format>
std::vector<float> product(const std::vector<float>& left, const std::vector<float>& right,
                           const std::vector<float>& sum) {
  const Stream stream;
  const DeviceBuffer<float> a = uploaded(std::span(left), stream), b = uploaded(std::span(right), stream),
                            c = uploaded(std::span(sum), stream);
  launch({"product_kernel", 1, kWarpLanes, 0, stream.get()}, product_kernel<Format>, a.get(), b.get(), c.get());
  std::vector<float> result(sum.size());
  c.download(result, stream);
  stream.wait();
  return result;
}

template <bool kTransposed>
SHOAL_KERNEL void load_kernel(const std::uint32_t* from, std::uint32_t* out) {
  struct alignas(16) Rows {
    std::uint32_t words[kWarpLanes][kRowWords];
  };
  auto& rows = static_shared<Rows, struct Loaded>();
  for (std::uint32_t i = 0; i < kRowWords; ++i) rows.words[lane()][i] = from[lane() * kRowWords + i];
  barrier();
  const MatrixWords m = load_matrices<kTransposed>(rows.words[lane()]);
  for (std::uint32_t j = 0; j < 4; ++j) out[lane() * 4 + j] = m.words[j];
}

}  // namespace

std::vector<std::uint32_t> loaded_matrices(const std::vector<std::uint32_t>& matrices, bool transposed) {
  const Stream stream;
  const DeviceBuffer<std::uint32_t> from = uploaded(std::span(matrices), stream);
  const DeviceBuffer<std::uint32_t> out(matrices.size());
  launch({"load_kernel", 1, kWarpLanes, 0, stream.get()}, transposed ? load_kernel<true> : load_kernel<false>,
         from.get(), out.get());
  std::vector<std::uint32_t> result(matrices.size());
  out.download(result, stream);
  stream.wait();
  return result;
}

std::vector<float> tf32_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum) {
  return product<Tf32>(left, right, sum);
}
std::vector<float> bf16_product(const std::vector<float>& left, const std::vector<float>& right,
                                const std::vector<float>& sum) {
  return product<Bf16>(left, right, sum);
}
