#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::cuda {

/// Built kernels on disk, a file each, for later runs. It is only ever a saving: what cannot be read is built again,
/// what cannot be written is not kept.
class KernelCache {
 public:
  /// $XDG_CACHE_HOME/shoal/kernels, or that of $HOME/.cache; without both nothing is kept.
  KernelCache();

  /// The image of this name whose making had this hash, if its file is whole.
  [[nodiscard]] std::optional<std::string> find(const std::string& name, std::uint64_t hash) const;
  void keep(const std::string& name, std::uint64_t hash, std::string_view image) const;

 private:
  std::filesystem::path folder_;  ///< empty: none
};

}  // namespace shoal::cuda
