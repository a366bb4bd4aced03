#include "data/file_bytes.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>
#include <zlib.h>

#include "shoal/error.hpp"

namespace shoal::data {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw InputError(Diagnostic{path.string(), 0, {}, reason});
}

std::string unpacked(const std::filesystem::path& path) {
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  gzbuffer(file.get(), 1U << 18);
  std::string bytes;
  std::vector<char> block(1U << 20);
  int code = 0;
  for (;;) {
    const int n = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (n < 0) {
      const std::string reason = gzerror(file.get(), &code);  // zlib begins it with the path
      fail(path, "cannot be unpacked: " + reason.substr(reason.rfind(": ") + 2));
    }
    if (n == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(n));
  }
  (void)gzerror(file.get(), &code);
  if (code == Z_BUF_ERROR) fail(path, "ends in the middle of its compressed data");
  return bytes;
}

}  // namespace

std::string read_bytes(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(path, "is a directory, not a table");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  // What is not packed is read at once; a pipe, which has no size, block by block.
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  std::string bytes((ignored ? 0 : size) + 1, '\0');  // one more, so that the end is seen without growing
  std::size_t n = 0;
  for (;;) {
    if (n == bytes.size()) bytes.resize(n + (1U << 16));
    const std::size_t got = std::fread(bytes.data() + n, 1, bytes.size() - n, file.get());
    if (got == 0) break;
    n += got;
    if (n >= 2 && bytes.starts_with("\x1F\x8B")) {
      if (!std::filesystem::is_regular_file(path, ignored))
        fail(path, "is packed and no file; unpack it first: gzip -dc");
      return unpacked(path);
    }
  }
  if (std::ferror(file.get()) != 0) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  bytes.resize(n);
  return bytes;
}

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) {
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

}  // namespace shoal::data
