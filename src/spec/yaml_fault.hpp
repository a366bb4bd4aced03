#pragma once

#include <string>
#include <string_view>

namespace shoal::spec {

/// What is wrong with text that yaml-cpp cannot read, in words of what to do about it.
struct YamlFault {
  int line = 0;  ///< 1-based; 0: none is known
  std::string message;
};

/// `message`, `line` and `column` (1-based) are yaml-cpp's, which names where it could not go on; what is wrong may
/// stand before that.
[[nodiscard]] YamlFault yaml_fault(std::string_view yaml, int line, int column, const std::string& message);

}  // namespace shoal::spec
