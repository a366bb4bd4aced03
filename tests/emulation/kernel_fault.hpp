#pragma once

#include <cstdint>
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

/// Where a kernel calls. (Clang 14, which checks this code, has no std::source_location.)
struct CallSite {
  const char* file;
  std::uint32_t line;
  static constexpr CallSite current(const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) {
    return {file, line};
  }
};

/// file.cu:12
inline std::string line_of(const CallSite& site) {
  const std::string_view path = site.file;
  return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(site.line);
}

}  // namespace shoal::emulation
