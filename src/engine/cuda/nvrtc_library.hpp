#pragma once

#include "engine/cuda/nvrtc_api.hpp"

namespace shoal::cuda {

/// What kernels are built by.
struct NvrtcLibrary {
  decltype(&nvrtcVersion) version = nullptr;
  decltype(&nvrtcGetErrorString) error_string = nullptr;
  decltype(&nvrtcCreateProgram) create = nullptr;
  decltype(&nvrtcDestroyProgram) destroy = nullptr;
  decltype(&nvrtcCompileProgram) compile = nullptr;
  decltype(&nvrtcGetProgramLogSize) log_size = nullptr;
  decltype(&nvrtcGetProgramLog) log = nullptr;
  decltype(&nvrtcGetCUBINSize) image_size = nullptr;
  decltype(&nvrtcGetCUBIN) image = nullptr;
};

/// Loads it at the first call. Throws UnavailableError that says what was looked for.
[[nodiscard]] const NvrtcLibrary& nvrtc_library();

}  // namespace shoal::cuda
