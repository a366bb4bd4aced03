#pragma once

#include "shoal/data.hpp"
#include "store/run_directory.hpp"

namespace shoal::store {

/// The rows that a run trains and validates on, read again; data.test, which nobody asks for, is left out. Throws
/// InputError where a table is not there any more, by the path that it had, or not what the run was started with.
[[nodiscard]] Dataset dataset_again(const Manifest& manifest);

}  // namespace shoal::store
