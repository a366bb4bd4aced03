#pragma once

// NVRTC as its own header declares it, or its twin over the emulated device. The library is loaded at run time: see
// nvrtc_library.hpp.
#if defined(SHOAL_EMULATION)
#include "tests/emulation/nvrtc.hpp"
#else
#include <nvrtc.h>
#endif
