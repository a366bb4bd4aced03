// As thread_per_network.cpp.
#include "kernels/cuda/epoch_order.cu"
