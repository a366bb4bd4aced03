#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/table.hpp"

namespace shoal::data {

/// The different values of a column in order: the missing one first, numbers as numbers, texts bytewise.
struct Levels {
  std::vector<std::string> texts;    ///< "": missing; numbers in their shortest form
  std::vector<std::uint32_t> codes;  ///< [n_rows], each row's place in texts
};

[[nodiscard]] Levels levels_of(const Column& column);

}  // namespace shoal::data
