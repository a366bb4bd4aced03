#pragma once

#include <string_view>

namespace shoal {

/// Without overlong forms, surrogates and code points past U+10FFFF, which JSON refuses.
[[nodiscard]] bool is_utf8(std::string_view bytes);

}  // namespace shoal
