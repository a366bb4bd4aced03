#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::spec {

/// A finite number that fills the whole text; `1e-4` is one.
[[nodiscard]] std::optional<double> number_in(std::string_view text);
/// A whole number that fills the whole text; `1e3` and `32.0` are some.
[[nodiscard]] std::optional<std::int64_t> whole_number_in(std::string_view text);
/// An integer in the one way that it is usually written: `3` and `-1`, not `3.0`, `+3` or `03`, which may be a name.
[[nodiscard]] std::optional<std::int64_t> index_in(std::string_view text);
/// `true` or `false`, in any case.
[[nodiscard]] std::optional<bool> flag_in(std::string_view text);
/// `2GiB`, `500MB`, `1.5 GB`, or bytes without a unit.
[[nodiscard]] std::optional<std::uint64_t> bytes_in(std::string_view text);
/// The shortest text that reads back as the same number; -0 is 0.
[[nodiscard]] std::string number_text(double value);

}  // namespace shoal::spec
