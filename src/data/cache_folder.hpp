#pragma once

#include <filesystem>

namespace shoal::data {

/// $XDG_CACHE_HOME/shoal, or that of $HOME/.cache; without both empty: nothing is kept.
[[nodiscard]] std::filesystem::path cache_folder();

}  // namespace shoal::data
