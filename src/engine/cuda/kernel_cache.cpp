#include "engine/cuda/kernel_cache.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

#include "data/cache_folder.hpp"
#include "data/file_bytes.hpp"

namespace shoal::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 16;

std::string hexadecimal(std::uint64_t value) {
  char digits[kDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

/// What stands before the image: what it was made of and what it is.
std::string title(std::uint64_t hash, std::string_view image) {
  return hexadecimal(hash) + hexadecimal(data::hash_bytes(image, hash));
}

}  // namespace

KernelCache::KernelCache() {
  const fs::path folder = data::cache_folder();
  if (!folder.empty()) folder_ = folder / "kernels";
}

std::optional<std::string> KernelCache::find(const std::string& name, std::uint64_t hash) const {
  if (folder_.empty()) return {};
  std::ifstream file(folder_ / name, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.size() <= 2 * kDigits) return {};
  std::string image = bytes.substr(2 * kDigits);
  if (bytes.compare(0, 2 * kDigits, title(hash, image)) != 0) return {};
  return image;
}

void KernelCache::keep(const std::string& name, std::uint64_t hash, std::string_view image) const {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  // Whole or not there: another program may read it now, or write the same.
  std::string temporary = folder_ / (name + ".XXXXXX");
  const int created = mkstemp(temporary.data());
  if (created < 0) return;
  close(created);
  std::ofstream file(temporary, std::ios::binary);
  file << title(hash, image) << image;
  file.close();
  if (file) fs::rename(temporary, folder_ / name, error);
  if (!file || error) fs::remove(temporary, error);
}

}  // namespace shoal::cuda
