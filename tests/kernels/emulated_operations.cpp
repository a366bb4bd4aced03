// As emulated_formulas.cpp.
#include "tests/kernels/device_operations.cu"
