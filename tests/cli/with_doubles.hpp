#pragma once

#include <string>
#include <vector>

#include "program.hpp"

namespace shoal::cli {

/// The program over stand-ins (doubles.cpp).
inline Outcome shoal(const std::vector<std::string>& arguments) {
  return Program(SHOAL_WITH_DOUBLES, arguments).wait();
}

}  // namespace shoal::cli
