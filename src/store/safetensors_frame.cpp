#include "store/safetensors_frame.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

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

}  // namespace shoal::store
