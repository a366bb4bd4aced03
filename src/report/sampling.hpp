#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace shoal::report {

/// At most `most` of the places 0 to n - 1, ascending: the first `n_first` and, of the others, evenly spread ones with
/// the last among them. All where there are no more. n_first < most.
[[nodiscard]] std::vector<std::size_t> thinned(std::size_t n, std::size_t most, std::size_t n_first = 0);

/// The quantile of ascending values at p in [0, 1], linear between neighbours (Hyndman and Fan 1996, type 7); NaN where
/// there are none.
[[nodiscard]] double quantile(std::span<const double> ascending, double p);

}  // namespace shoal::report
