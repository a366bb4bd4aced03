// Faulty twins of the kernels: their multiply-adds round twice. Their text is the kernels' own; only the name fma
// means something else here, after the formulas have been read.
#include <cmath>

#include "kernels/math/scalar.hpp"

namespace shoal::math::scalar {
inline float unfused(float a, float b, float c) { return a * b + c; }
}  // namespace shoal::math::scalar

#define fma unfused
#include "kernels/cuda/block_per_network.cu"
#include "kernels/cuda/probe.cu"
#include "kernels/cuda/take_decisions.cu"
#include "kernels/cuda/thread_per_network.cu"
#include "kernels/cuda/thread_per_network_deep.cu"
