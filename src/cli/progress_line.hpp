#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shoal/run.hpp"

namespace shoal::cli {

/// How a live line may look.
struct Looks {
  bool colour = false;
  bool unicode = false;
};

/// The live line: bar, share done, trials, speed, best so far, diverged, time left. At most `width` columns; what does
/// not fit is left out, the least important first. No line end.
[[nodiscard]] std::string live_line(const Progress& progress, std::string_view metric, std::size_t width, Looks looks);
/// The same facts as one plain line of a log.
[[nodiscard]] std::string plain_line(const Progress& progress, std::string_view metric);
/// Share of the network-epochs that are done, 0 to 1.
[[nodiscard]] double fraction_done(const Progress& progress);

}  // namespace shoal::cli
