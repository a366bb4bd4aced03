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
/// 80 % of them: somebody else may take some while a sweep runs.
[[nodiscard]] constexpr std::uint64_t share_of_free(std::uint64_t bytes) { return bytes / 5 * 4; }
/// `asked` bytes, or where it is 0: the share of what is free on this machine now. Error where that cannot be found
/// out.
[[nodiscard]] std::uint64_t memory_limit(std::uint64_t asked);

/// The limit of what an engine may take of a device with `device_bytes` free: the share of them, but no more than the
/// host's limit leaves beside what is always there, the table and what waits at rungs, since the host keeps a copy of
/// every place.
[[nodiscard]] std::uint64_t device_limit(std::uint64_t device_bytes, std::uint64_t host_limit,
                                         std::uint64_t beside_bytes);

}  // namespace shoal::run
