#pragma once

// cuBLAS and cublasLt as their own headers declare them, or their twins over the emulated device. The libraries are
// loaded at run time: see cublas_library.hpp.
#if defined(SHOAL_EMULATION)
#include "tests/emulation/cublas.hpp"
#include "tests/emulation/cublas_lt.hpp"
#else
#include <cublasLt.h>
#include <cublas_v2.h>
#endif
