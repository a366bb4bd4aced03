#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::store {

/// What a safetensors file consists of: a JSON header behind its length (u64, little-endian), and the data.
struct SafetensorsParts {
  std::string_view header;
  std::string_view data;
};

/// Views into `bytes`. Error where they end in the header.
[[nodiscard]] SafetensorsParts safetensors_parts(std::string_view bytes);

/// What stands before the data: the length and the header, which spaces fill so that the data are aligned.
[[nodiscard]] std::string safetensors_start(std::string header);

/// A CRC-32 (zlib's) that goes on over `bytes`; it begins with 0.
[[nodiscard]] std::uint32_t with_bytes(std::uint32_t checksum, std::string_view bytes);
/// As headers have it.
[[nodiscard]] std::string checksum_text(std::uint32_t checksum);

}  // namespace shoal::store
