#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace shoal::run {

/// MemAvailable of a /proc/meminfo, in bytes.
[[nodiscard]] std::optional<std::uint64_t> available_bytes(std::string_view meminfo);
/// What is left below memory.max of the control group that /proc/self/cgroup names and of those above it; empty where
/// none sets a limit (version 2 only). `root`: where control groups are mounted.
[[nodiscard]] std::optional<std::uint64_t> control_group_bytes(std::string_view self_cgroup,
                                                               const std::filesystem::path& root);
/// `asked` bytes, or where it is 0: 80 % of what is free on this machine now. Error where that cannot be found out.
[[nodiscard]] std::uint64_t memory_limit(std::uint64_t asked);

}  // namespace shoal::run
