#pragma once

// cuBLAS as its own header declares it, or its twin over the emulated device. The library is loaded at run time: see
// cublas_library.hpp.
#if defined(SHOAL_EMULATION)
#include "tests/emulation/cublas.hpp"
#else
#include <cublas_v2.h>
#endif
