// The kernels as the C++ compiler sees them, with SHOAL_EMULATION.
#include "tests/kernels/device_formulas.cu"
