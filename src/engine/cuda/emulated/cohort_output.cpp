// As thread_per_network.cpp.
#include "kernels/cuda/cohort_output.cu"
