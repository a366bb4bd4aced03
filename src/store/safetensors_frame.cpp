#include "store/safetensors_frame.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <zlib.h>

#include "shoal/error.hpp"

namespace shoal::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the length is copied as it lies in memory");

constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);
constexpr std::size_t kAlignment = 8;

}  // namespace

SafetensorsParts safetensors_parts(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes) throw Error("it ends in its header");
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > bytes.size() - kLengthBytes) throw Error("it ends in its header");
  return {bytes.substr(kLengthBytes, length), bytes.substr(kLengthBytes + length)};
}

std::string safetensors_start(std::string header) {
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::uint64_t length = header.size();
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  return bytes + header;
}

std::uint32_t with_bytes(std::uint32_t checksum, std::string_view bytes) {
  if (bytes.empty()) return checksum;  // for zlib no bytes at a null pointer begin a new checksum
  return static_cast<std::uint32_t>(
      crc32_z(checksum, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::string checksum_text(std::uint32_t checksum) { return fmt::format("{:08x}", checksum); }

}  // namespace shoal::store
