#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace shoal::data {

/// A whole file, unpacked where it is gzipped; InputError where it cannot be read.
[[nodiscard]] std::string read_bytes(const std::filesystem::path& path);

/// FNV-1a over 8 bytes at a time, then over the rest.
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed);

}  // namespace shoal::data
