#include "engine/cuda/device_memory.hpp"
#include "kernels/math/scalar.hpp"
#include "tests/kernels/device_formulas.hpp"

namespace shoal::cuda {
namespace {

constexpr std::uint32_t kBlocks = 64;
constexpr std::uint32_t kThreads = 128;

#define SHOAL_DEVICE_FORMULA(f)                                          \
  struct Of_##f {                                                        \
    SHOAL_DEVICE static float of(float x) { return math::scalar::f(x); } \
  };
SHOAL_FORMULAS(SHOAL_DEVICE_FORMULA)
#undef SHOAL_DEVICE_FORMULA

/// Thread t takes elements t, t + all threads, ...
template <class Formula>
SHOAL_KERNEL void each_kernel(const float* x, float* y, std::uint32_t n) {
  for (std::uint32_t i = block() * n_threads() + thread(); i < n; i += kBlocks * n_threads()) y[i] = Formula::of(x[i]);
}

using Kernel = void (*)(const float*, float*, std::uint32_t);
#define SHOAL_EACH_KERNEL(f) each_kernel<Of_##f>,
constexpr std::array<Kernel, testing::kFormulaCount> kKernels{SHOAL_FORMULAS(SHOAL_EACH_KERNEL)};
#undef SHOAL_EACH_KERNEL

}  // namespace

std::vector<float> on_device(std::size_t formula, std::span<const float> x) {
  const Stream stream;
  const DeviceBuffer<float> from = uploaded(x, stream);
  const DeviceBuffer<float> to(x.size());
  const float* in = from.get();
  launch({"each_kernel", kBlocks, kThreads, 0, stream.get()}, kKernels.at(formula), in, to.get(),
         static_cast<std::uint32_t>(x.size()));
  std::vector<float> y(x.size());
  to.download(y, stream);
  stream.wait();
  return y;
}

}  // namespace shoal::cuda
