#pragma once

#include <cstddef>
#include <string>

#include "cli/progress_line.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {

/// How much of a terminal may be drawn on.
struct Space {
  std::size_t columns = 0;
  std::size_t rows = 0;
};

/// What the live panel shows of a sweep, lines without an end after the last one: the live line; the best trials; how
/// the best value came about, over the share of the work that is done; what rungs decided. No line is wider than the
/// space and there are no more than it has rows. Rungs give way first, then the curve, the worse trials, and columns
/// from the right.
[[nodiscard]] std::string live_panel(const Progress& progress, Metric metric, Space space, Looks looks);

}  // namespace shoal::cli
