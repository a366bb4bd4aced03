#pragma once

// What launchers call of CUB, or its twin over the emulated device. Not in device.hpp: nvcc reads CUB for seconds.
#if defined(SHOAL_EMULATION)
#include "tests/emulation/cub.hpp"
#else
#include <cub/device/device_radix_sort.cuh>
#endif
