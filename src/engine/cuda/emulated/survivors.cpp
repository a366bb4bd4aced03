// As thread_per_network.cpp.
#include "kernels/cuda/survivors.cu"
