#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "queue.hpp"
#include "runtime.hpp"

namespace shoal::emulation {

/// The operations of each stream that took part in a capture; the first is the one that it began in.
using Branches = std::vector<std::vector<Operation>>;

struct Capture {
  cudaStreamCaptureMode mode;
  bool valid = true;
  Branches branches;
};

/// Makes the captures invalid whose mode is one of a call that they forbid; false if there are none.
[[nodiscard]] bool refuse_in_capture();
/// Ends the capture for every stream that is part of it.
void leave_capture(const std::shared_ptr<Capture>& capture);
[[nodiscard]] std::size_t n_graphs();

}  // namespace shoal::emulation
