#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "report/trial_table.hpp"

namespace shoal::report {

/// What a learning curve has at an epoch.
enum class CurveValue : std::uint8_t { metric, val_loss, train_loss };
inline constexpr std::size_t kCurveValues = 3;
inline constexpr std::array<double, 5> kBandQuantiles{0.05, 0.25, 0.5, 0.75, 0.95};

/// Learning curves of many trials, thinned: some epochs, the curves of some trials, and quantiles over more of them.
struct CurveBands {
  using Series = std::vector<double>;  ///< [place in epochs]; NaN: not trained then, or not finite
  struct Curve {
    std::size_t trial = 0;  ///< row of the table
    std::array<Series, kCurveValues> values;
  };
  std::vector<std::uint32_t> epochs;  ///< at most 100, from the first to the last that any trial reached
  std::size_t n_trials = 0;           ///< that the quantiles are of: at most 2000, evenly spread over the ranks
  std::vector<std::size_t> n_there;   ///< [place in epochs], of these, how many trained this epoch
  std::array<std::array<Series, kBandQuantiles.size()>, kCurveValues> quantiles;
  std::vector<Curve> curves;  ///< the best 10, and 30 evenly spread ones
};
[[nodiscard]] CurveBands curve_bands(const store::RunDirectory& directory, const TrialTable& table);

}  // namespace shoal::report
