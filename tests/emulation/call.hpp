#pragma once

#include <new>

#include "runtime.hpp"

namespace shoal::emulation {

/// Counts a call of the runtime or of cuBLAS. What it must fail with: a planted error, or one that stays.
[[nodiscard]] cudaError_t next_call();
/// What cudaGetLastError will tell. Returns its argument. A program that is told of an error cleans up, so everything
/// is run first, as if the device had been quick: no copy is left that waits for host memory.
cudaError_t note(cudaError_t status);
/// For a call that gives the program something to give back.
void count_allocation();

template <class Body>
cudaError_t call(Body body) {
  if (const cudaError_t error = next_call(); error != cudaSuccess) return note(error);
  try {
    return note(body());
  } catch (const std::bad_alloc&) {
    return note(cudaErrorMemoryAllocation);
  }
}

template <class Body>
cudaError_t allocating_call(Body body) {
  count_allocation();
  return call(std::move(body));
}

/// A call that takes something back does so even where it fails, as a process that ends after an error gives back all.
template <class Body>
cudaError_t releasing_call(Body body) {
  const cudaError_t planted = next_call();
  const cudaError_t own = body();
  return note(planted == cudaSuccess ? own : planted);
}

}  // namespace shoal::emulation
