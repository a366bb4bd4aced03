// As emulated_formulas.cpp.
#include "tests/kernels/tensor_core.cu"
