// As thread_per_network.cpp.
#include "kernels/cuda/strict_sums.cu"
