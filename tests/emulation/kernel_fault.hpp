#pragma once

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace shoal::emulation {

/// A kernel did what a GPU does not define: says what, in which block and, where it is known, in which thread.
class KernelFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  KernelFault(const std::string& what, std::uint32_t block, std::uint32_t thread)
      : std::runtime_error(what + " (block " + std::to_string(block) + ", thread " + std::to_string(thread) + ")") {}
};

/// file.cu:12
inline std::string line_of(const std::source_location& place) {
  const std::string_view path = place.file_name();
  return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(place.line());
}

}  // namespace shoal::emulation
