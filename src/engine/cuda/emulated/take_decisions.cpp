// As thread_per_network.cpp.
#include "kernels/cuda/take_decisions.cu"
