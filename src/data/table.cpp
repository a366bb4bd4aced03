#include "data/table.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <zlib.h>

#include "shoal/error.hpp"

namespace shoal::data {

std::string read_bytes(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& reason) -> void {
    throw InputError(Diagnostic{path.string(), 0, {}, reason});
  };
  if (std::filesystem::is_directory(path)) fail("is a directory, not a table");
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) fail(std::string("cannot be read: ") + std::strerror(errno));
  gzbuffer(file.get(), 1U << 18);
  std::string bytes;
  std::vector<char> block(1U << 20);
  for (;;) {
    const int n = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (n < 0) {
      int code = 0;
      fail(std::string("cannot be unpacked: ") + gzerror(file.get(), &code));
    }
    if (n == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(n));
  }
  int code = 0;
  (void)gzerror(file.get(), &code);
  if (code == Z_BUF_ERROR) fail("ends in the middle of its compressed data");
  return bytes;
}

std::uint64_t hash_bytes(const std::string& bytes, std::uint64_t seed) {
  constexpr std::uint64_t kPrime = 1099511628211ULL;
  std::uint64_t hash = 14695981039346656037ULL ^ seed;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;
  }
  for (; i < bytes.size(); ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * kPrime;
  return hash;
}

bool is_missing(std::string_view cell) {
  static constexpr std::array<std::string_view, 9> kWords{"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "#N/A"};
  for (const std::string_view word : kWords) {
    if (cell == word) return true;
  }
  return false;
}

Table read_table(const std::filesystem::path& path) {
  const std::string bytes = read_bytes(path);
  Table table;
  if (bytes.starts_with("\x93NUMPY")) {
    table = read_npy(bytes, path.string());
  } else if (bytes.size() > 4 && bytes[0] == 0 && bytes[1] == 0) {
    table = read_idx(bytes, path);
  } else {
    table = read_csv(bytes, path.string());
  }
  table.hash = hash_bytes(bytes, table.hash);
  return table;
}

}  // namespace shoal::data
