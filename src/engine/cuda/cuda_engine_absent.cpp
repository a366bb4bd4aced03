// The engines that need a GPU in a build without CUDA.
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal {

std::unique_ptr<Engine> make_cuda_engine(const Dataset&, const EngineOptions&) {
  throw UnavailableError("engine cuda is not available: " + cuda_engine_info().detail);
}
std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime&) {
  return make_cuda_engine(dataset, options);
}

std::unique_ptr<Engine> make_cublas_engine(const Dataset&, const EngineOptions&) {
  throw UnavailableError("engine cublas is not available: " + cublas_engine_info().detail);
}

bool streams_table(const Dataset&, const EngineOptions&) { return false; }

EngineInfo cuda_engine_info() {
  return {.name = "cuda",
          .available = false,
          .detail = "this program was built without CUDA",
          .precisions = {Precision::strict, Precision::fp32, Precision::tf32, Precision::bf16},
          .on_gpu = true};
}
EngineInfo cublas_engine_info() {
  EngineInfo info = cuda_engine_info();
  info.name = "cublas";
  info.precisions = {Precision::fp32, Precision::tf32, Precision::bf16};
  return info;
}

}  // namespace shoal
