#pragma once

#include <new>

#include "runtime.hpp"

namespace shoal::emulation {

/// What cudaGetLastError will tell. Returns its argument.
cudaError_t note(cudaError_t status);

/// A call of the runtime.
template <class Body>
cudaError_t call(Body body) {
  try {
    return note(body());
  } catch (const std::bad_alloc&) {
    return note(cudaErrorMemoryAllocation);
  }
}

}  // namespace shoal::emulation
