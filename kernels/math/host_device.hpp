#pragma once

// SHOAL_HD marks a function that runs on the host and, under nvcc, on the device.
#if defined(__CUDACC__)
#define SHOAL_HD __host__ __device__ __forceinline__
#else
#define SHOAL_HD inline
#endif
