#include "engine/cuda/cublas_library.hpp"

#if !defined(SHOAL_EMULATION)
#include <dlfcn.h>
#include <memory>
#endif

#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

#if defined(SHOAL_EMULATION)

CublasLibrary load() {
  return {&cublasCreate_v2,       &cublasDestroy_v2,      &cublasSetStream_v2,
          &cublasSetWorkspace_v2, &cublasGetStatusString, &cublasGemmStridedBatchedEx};
}

#else

/// As the loader finds it, then where the CUDA Toolkit puts it.
constexpr const char* kPlaces[] = {"libcublas.so.13", "/usr/local/cuda/lib64/libcublas.so.13"};

/// Stays loaded until the program ends: cuBLAS does not bear to be unloaded.
void* open_library() {
  std::string why;
  for (const char* place : kPlaces) {
    if (void* library = dlopen(place, RTLD_NOW | RTLD_LOCAL); library != nullptr) return library;
    why += why.empty() ? dlerror() : "";
  }
  throw UnavailableError("libcublas.so.13 of CUDA Toolkit 13 cannot be loaded (" + why + ")");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    throw UnavailableError(std::string("libcublas.so.13 has no ") + name);
  }
}

CublasLibrary load() {
  void* const library = open_library();
  CublasLibrary functions;
  find(library, "cublasCreate_v2", functions.create);
  find(library, "cublasDestroy_v2", functions.destroy);
  find(library, "cublasSetStream_v2", functions.set_stream);
  find(library, "cublasSetWorkspace_v2", functions.set_workspace);
  find(library, "cublasGetStatusString", functions.status_string);
  find(library, "cublasGemmStridedBatchedEx", functions.gemm_strided_batched);
  return functions;
}

#endif

}  // namespace

const CublasLibrary& cublas_library() {
  static const CublasLibrary library = load();
  return library;
}

std::string why_no_cublas() {
  try {
    static_cast<void>(cublas_library());
  } catch (const UnavailableError& error) {
    return error.what();
  }
  return {};
}

}  // namespace shoal::cuda
