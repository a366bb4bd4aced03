#include "shoal/run.hpp"

namespace shoal {

VersionInfo version() {
#ifdef SHOAL_CUDA_VERSION
  const std::string cuda = SHOAL_CUDA_VERSION;
#else
  const std::string cuda = "built without CUDA";
#endif
#ifdef __clang__
  const std::string compiler = __VERSION__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return {SHOAL_VERSION, compiler, cuda};
}

}  // namespace shoal
