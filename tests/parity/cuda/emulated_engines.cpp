// The two engines over the emulated device, where a sweep asks for one by its name.
#include <string>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal {

std::vector<EngineInfo> engines() { return {}; }

std::unique_ptr<Engine> make_engine(std::string_view name, const Dataset& dataset, const EngineOptions& options) {
  if (name == "cuda") return make_cuda_engine(dataset, options);
  if (name == "cublas") return make_cublas_engine(dataset, options);
  throw UnavailableError("only cuda and cublas are emulated, not " + std::string(name));
}

}  // namespace shoal
