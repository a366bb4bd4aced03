// The CUDA engine of a build without CUDA.
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal {

std::unique_ptr<Engine> make_cuda_engine(const Dataset&, const EngineOptions&) {
  throw UnavailableError("engine cuda is not available: " + cuda_engine_info().detail);
}
std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options, KernelTime&) {
  return make_cuda_engine(dataset, options);
}

EngineInfo cuda_engine_info() { return {"cuda", false, "this program was built without CUDA", {Precision::strict}}; }

}  // namespace shoal
