// The kernels as the C++ compiler sees them, with SHOAL_EMULATION.
#include "kernels/cuda/thread_per_network_deep.cu"
