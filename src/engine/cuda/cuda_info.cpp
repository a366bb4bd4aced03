// Whether this machine can run the engines that need a GPU.
#include <cuda_runtime.h>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cublas_library.hpp"
#include "engine/cuda/cuda_engine.hpp"

namespace shoal {
namespace {

constexpr int kMajorOfBuild = 9;  ///< compute capability 9.0a, whose code runs on 9.0 alone
constexpr int kMinorOfBuild = 0;

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

EngineInfo absent(const std::string& why) { return {"cuda", false, why, {Precision::strict}}; }

}  // namespace

EngineInfo cuda_engine_info() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return absent("there is no NVIDIA driver");
  if (driver / 1000 < CUDART_VERSION / 1000) {
    return absent("the NVIDIA driver is too old: it supports CUDA " + version_text(driver) + ", this program needs " +
                  version_text(CUDART_VERSION));
  }
  int n_devices = 0;
  const cudaError_t counted = cudaGetDeviceCount(&n_devices);
  if (counted != cudaSuccess || n_devices == 0) {
    return absent(std::string("the NVIDIA driver shows no GPU") +
                  (counted == cudaSuccess ? "" : std::string(": ") + cudaGetErrorString(counted)));
  }
  cudaDeviceProp properties{};
  const cudaError_t asked = cudaGetDeviceProperties(&properties, 0);
  if (asked != cudaSuccess) return absent(std::string("the GPU does not answer: ") + cudaGetErrorString(asked));
  const std::string gpu = std::string(properties.name) + ", compute capability " + std::to_string(properties.major) +
                          "." + std::to_string(properties.minor);
  if (properties.major != kMajorOfBuild || properties.minor != kMinorOfBuild) {
    return absent("this program's kernels need compute capability 9.0, the GPU is " + gpu);
  }
  return {"cuda", true, gpu, {Precision::strict}};
}

EngineInfo cublas_engine_info() {
  EngineInfo info = cuda_engine_info();
  info.name = "cublas";
  info.precisions = {Precision::fp32, Precision::tf32, Precision::bf16};
  if (!info.available) return info;
  if (const std::string why = cuda::why_no_cublas(); !why.empty()) {
    info.available = false;
    info.detail = why;
  }
  return info;
}

}  // namespace shoal
