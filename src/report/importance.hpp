#pragma once

#include <cstddef>
#include <vector>

#include "report/trial_table.hpp"

namespace shoal::report {

/// How much of the trials' ranking parameters explain, by analysis of variance in groups. Trials are grouped by a
/// parameter's values (10 groups of about equal size where there are more numbers); its share is the variance between
/// the groups as a part of all variance of the ranks, less what chance alone would give (epsilon squared, Kelley 1935).
/// Ranks, so that a few very bad networks do not decide; trials without a metric share the last rank.
/// A pair's share is that of its combinations (5 groups each) beyond both alone.
struct Importance {
  struct Effect {
    std::size_t parameter = 0;  ///< of TrialTable::parameters
    double share = 0;           ///< 0 to 1; NaN where groups hold fewer than 2 trials on average
  };
  struct PairEffect {
    std::size_t first = 0, second = 0;
    double share = 0;
  };
  std::vector<Effect> alone;      ///< every parameter, largest share first
  std::vector<PairEffect> pairs;  ///< the 5 largest that are not 0
};
[[nodiscard]] Importance importance_of(const TrialTable& table);

}  // namespace shoal::report
