#include "spec/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace shoal {

bool is_utf8(std::string_view bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {  // most text is ASCII
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (i < bytes.size()) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const std::size_t n = c < 0x80 ? 1 : (c >> 5) == 6 ? 2 : (c >> 4) == 14 ? 3 : (c >> 3) == 30 ? 4 : 0;
    if (n == 0 || i + n > bytes.size()) return false;
    const auto second = n > 1 ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    if (n == 2 && c < 0xC2) return false;
    if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F)) return false;
    if ((c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F) || c > 0xF4) return false;
    for (std::size_t k = 1; k < n; ++k) {
      if ((static_cast<unsigned char>(bytes[i + k]) >> 6) != 2) return false;
    }
    i += n;
  }
  return true;
}

}  // namespace shoal
