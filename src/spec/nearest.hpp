#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// The candidate that `word` was most likely meant to be, case ignored: what it is called elsewhere (`lr`), what begins
/// with its four letters or more, one slip of the keys away, a shorter beginning or an end of it, or the least number
/// of inserted, deleted, replaced or swapped letters; nothing where even that is far off.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

/// `; did you mean 'alpha'?`, or all candidates where none is near and they are few: `; known: a, b, c`.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace shoal
