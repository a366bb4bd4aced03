#include "data/cache_folder.hpp"

#include <cstdlib>

namespace shoal::data {

std::filesystem::path cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != 0) return std::filesystem::path(cache) / "shoal";
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != 0) return std::filesystem::path(home) / ".cache" / "shoal";
  return {};
}

}  // namespace shoal::data
