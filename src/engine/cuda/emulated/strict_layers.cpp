// As thread_per_network.cpp.
#include "kernels/cuda/strict_layers.cu"
