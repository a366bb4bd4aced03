// Whether this machine can run the engines that need a GPU, and what is known of their kernels.
#include <cuda_runtime.h>
#include <string>
#include <utility>
#include <vector>

#include "engine/cuda/availability.hpp"
#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cublas_library.hpp"
#include "engine/cuda/cuda_engine.hpp"

namespace shoal {
namespace {

/// Empty if the device runs this build; `gpu` says what it is.
std::string why_not(std::string& gpu) {
  cuda::DriverAnswer answer{.built_version = CUDART_VERSION};
  if (cudaDriverGetVersion(&answer.driver_version) != cudaSuccess) answer.driver_version = 0;
  const cudaError_t counted = cudaGetDeviceCount(&answer.n_devices);
  answer.status = counted;
  answer.error = cudaGetErrorString(counted);
  if (std::string why = cuda::why_no_device(answer); !why.empty()) return why;
  cudaDeviceProp properties{};
  const cudaError_t asked = cudaGetDeviceProperties(&properties, 0);
  if (asked != cudaSuccess) return std::string("the GPU does not answer: ") + cudaGetErrorString(asked);
  const cuda::Capability device{properties.major, properties.minor};
  gpu = std::string(properties.name) + ", compute capability " + std::to_string(device.major) + "." +
        std::to_string(device.minor);
  const std::string why = cuda::why_no_code(cuda::parse_architectures(SHOAL_CUDA_ARCHITECTURES), device);
  return why.empty() ? "" : std::string(properties.name) + ": " + why;
}

/// Multiply-adds outside tensor cores: CUDA C Programming Guide, arithmetic throughput by compute capability.
double peak_fp32_flops() {
  const auto ask = [](cudaDeviceAttr attribute) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, attribute, 0) == cudaSuccess ? value : 0;
  };
  const int major = ask(cudaDevAttrComputeCapabilityMajor);
  const bool has_64_units = major < 8 || (major == 8 && ask(cudaDevAttrComputeCapabilityMinor) == 0);
  const double units = 1.0 * ask(cudaDevAttrMultiProcessorCount) * (has_64_units ? 64 : 128);
  return units * 2 * 1e3 * ask(cudaDevAttrClockRate);
}

}  // namespace

EngineInfo cuda_engine_info() {
  std::string gpu;
  const std::string why = why_not(gpu);
  std::vector<Precision> precisions{Precision::strict, Precision::fp32, Precision::tf32, Precision::bf16};
  if (why.empty() && !cuda::has_tensor_cores()) precisions.resize(2);
  return {.name = "cuda",
          .available = why.empty(),
          .detail = why.empty() ? gpu : why,
          .precisions = std::move(precisions),
          .kernels =
              {
#include "engine/cuda/kernel_evidence.inc"
              },
          .on_gpu = true,
          .peak_fp32_flops = why.empty() ? peak_fp32_flops() : 0};
}

EngineInfo cublas_engine_info() {
  EngineInfo info = cuda_engine_info();
  info.name = "cublas";
  std::erase(info.precisions, Precision::strict);
  info.kernels.clear();  // cuda's list is the whole program's
  if (!info.available) return info;
  if (const std::string why = cuda::why_no_cublas(); !why.empty()) {
    info.available = false;
    info.detail = why;
  }
  return info;
}

}  // namespace shoal
