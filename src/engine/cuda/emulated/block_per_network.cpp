// As thread_per_network.cpp.
#include "kernels/cuda/block_per_network.cu"
