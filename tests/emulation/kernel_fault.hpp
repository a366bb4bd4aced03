#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace shoal::emulation {

/// A kernel did what a GPU does not define: says what, in which block and, where it is known, in which thread.
class KernelFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  KernelFault(const std::string& what, std::uint32_t block, std::uint32_t thread)
      : std::runtime_error(what + " (block " + std::to_string(block) + ", thread " + std::to_string(thread) + ")") {}
};

}  // namespace shoal::emulation
