#include "engine/cuda/device_memory.hpp"
#include "kernels/math/scalar.hpp"
#include "tests/kernels/device_formulas.hpp"

namespace shoal::cuda {
namespace {

constexpr std::uint32_t kBlocks = 64;
constexpr std::uint32_t kThreads = 128;

struct Exp {
  SHOAL_DEVICE static float of(float x) { return math::scalar::exp_of(x); }
};
struct Log {
  SHOAL_DEVICE static float of(float x) { return math::scalar::log_of(x); }
};
struct Tanh {
  SHOAL_DEVICE static float of(float x) { return math::scalar::tanh_of(x); }
};
struct Sigmoid {
  SHOAL_DEVICE static float of(float x) { return math::scalar::sigmoid(x); }
};
struct Relu {
  SHOAL_DEVICE static float of(float x) { return math::scalar::relu(x); }
};
struct LeakyRelu {
  SHOAL_DEVICE static float of(float x) { return math::scalar::leaky_relu(x); }
};

/// Thread t takes elements t, t + all threads, ...
template <class Formula>
SHOAL_KERNEL void each_kernel(const float* x, float* y, std::uint32_t n) {
  for (std::uint32_t i = block() * n_threads() + thread(); i < n; i += kBlocks * n_threads()) y[i] = Formula::of(x[i]);
}

using Kernel = void (*)(const float*, float*, std::uint32_t);
constexpr std::array<Kernel, 6> kKernels{each_kernel<Exp>,     each_kernel<Log>,  each_kernel<Tanh>,
                                         each_kernel<Sigmoid>, each_kernel<Relu>, each_kernel<LeakyRelu>};

}  // namespace

std::vector<float> on_device(DeviceFormula formula, std::span<const float> x) {
  const Stream stream;
  const DeviceBuffer<float> from = uploaded(x, stream);
  const DeviceBuffer<float> to(x.size());
  const float* in = from.get();
  launch({"each_kernel", kBlocks, kThreads, 0, stream.get()}, kKernels.at(static_cast<std::size_t>(formula)), in,
         to.get(), static_cast<std::uint32_t>(x.size()));
  std::vector<float> y(x.size());
  to.download(y, stream);
  stream.wait();
  return y;
}

}  // namespace shoal::cuda
