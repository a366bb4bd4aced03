// The CUDA engine of a build without CUDA.
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal {

std::unique_ptr<Engine> make_cuda_engine(const Dataset&, const EngineOptions&) {
  throw UnavailableError("engine cuda is not available: " + cuda_engine_info().detail);
}

EngineInfo cuda_engine_info() { return {"cuda", false, "this program was built without CUDA", {Precision::strict}}; }

}  // namespace shoal
