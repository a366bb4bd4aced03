// The two engines over the emulated device, where a sweep asks for one by its name, and engine cpu beside them.
#include <string>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal {

std::vector<EngineInfo> engines() {
  EngineInfo cuda{"cuda", true, "emulated", {Precision::strict}};
  return {cpu_engine_info(), cuda};
}

std::unique_ptr<Engine> make_engine(std::string_view name, const Dataset& dataset, const EngineOptions& options) {
  if (name == "cuda") return make_cuda_engine(dataset, options);
  if (name == "cpu" || name == "auto") return make_cpu_engine(dataset, options);
  if (name == "cublas") return make_cublas_engine(dataset, options);
  throw UnavailableError("only cpu, cuda and cublas are here, not " + std::string(name));
}

}  // namespace shoal
