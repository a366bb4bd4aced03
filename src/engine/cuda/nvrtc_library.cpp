#include "engine/cuda/nvrtc_library.hpp"

#if !defined(SHOAL_EMULATION)
#include "engine/cuda/dynamic_library.hpp"
#endif

namespace shoal::cuda {
namespace {

#if defined(SHOAL_EMULATION)

NvrtcLibrary load_nvrtc() {
  return {&nvrtcVersion,        &nvrtcGetErrorString, &nvrtcCreateProgram,
          &nvrtcDestroyProgram, &nvrtcCompileProgram, &nvrtcGetProgramLogSize,
          &nvrtcGetProgramLog,  &nvrtcGetCUBINSize,   &nvrtcGetCUBIN};
}

#else

NvrtcLibrary load_nvrtc() {
  const DynamicLibrary nvrtc("libnvrtc.so.13");
  NvrtcLibrary functions;
  nvrtc.find("nvrtcVersion", functions.version);
  nvrtc.find("nvrtcGetErrorString", functions.error_string);
  nvrtc.find("nvrtcCreateProgram", functions.create);
  nvrtc.find("nvrtcDestroyProgram", functions.destroy);
  nvrtc.find("nvrtcCompileProgram", functions.compile);
  nvrtc.find("nvrtcGetProgramLogSize", functions.log_size);
  nvrtc.find("nvrtcGetProgramLog", functions.log);
  nvrtc.find("nvrtcGetCUBINSize", functions.image_size);
  nvrtc.find("nvrtcGetCUBIN", functions.image);
  return functions;
}

#endif

}  // namespace

const NvrtcLibrary& nvrtc_library() {
  static const NvrtcLibrary library = load_nvrtc();
  return library;
}

}  // namespace shoal::cuda
