#pragma once

#include <limits>

namespace shoal {

/// A number that is not known, or not yet.
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace shoal
