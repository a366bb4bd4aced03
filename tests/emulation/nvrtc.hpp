#pragma once

#include <cstddef>

/// The part of NVRTC that kernels are built by, on the host; names, values and signatures are NVIDIA's. The C++
/// compiler of the build makes a shared library of a program, with SHOAL_EMULATION, of the headers that the program was
/// given; only what the emulation itself includes comes from the source tree.

enum nvrtcResult {
  NVRTC_SUCCESS = 0,
  NVRTC_ERROR_OUT_OF_MEMORY = 1,
  NVRTC_ERROR_INVALID_PROGRAM = 4,
  NVRTC_ERROR_COMPILATION = 6,
};
using nvrtcProgram = struct EmulatedProgram*;

const char* nvrtcGetErrorString(nvrtcResult result);
/// Another one in each process: what is made here is for its emulation alone.
nvrtcResult nvrtcVersion(int* major, int* minor);
nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int n_headers,
                               const char* const* headers, const char* const* include_names);
nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program);
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int n_options, const char* const* options);
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, std::size_t* bytes);
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log);
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, std::size_t* bytes);
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* image);

namespace shoal::emulation {

/// Programs that were compiled so far.
[[nodiscard]] std::size_t n_compilations();
/// From now on NVRTC refuses what it is given to compile.
void refuse_compilation(bool refuse);

}  // namespace shoal::emulation
