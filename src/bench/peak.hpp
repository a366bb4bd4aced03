#pragma once

#include <cstdint>

namespace shoal::bench {

/// Multiply-adds in registers, on `n_threads` threads at once for some hundredths of a second: flops a second of all
/// together, in the widest vectors of this machine.
[[nodiscard]] double probe_peak(std::uint32_t n_threads);

}  // namespace shoal::bench
