#pragma once

#include <string>
#include <string_view>

#include "export/network.hpp"

namespace shoal::exporting {

/// A C99 and C++17 header without dependencies, in float arithmetic operation by operation that of docs/numerics.md:
/// its predictions are those of `shoal predict`. `stem`: what its names begin with, made an identifier.
[[nodiscard]] std::string to_c(const Network& network, std::string_view stem);

}  // namespace shoal::exporting
