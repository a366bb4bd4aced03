#include "run/memory_limit.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

#include "shoal/error.hpp"

namespace shoal::run {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::uint64_t> number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> available_bytes(std::string_view meminfo) {
  constexpr std::string_view kKey = "MemAvailable:";
  const std::size_t at = meminfo.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kib = number(meminfo.substr(at + kKey.size(), meminfo.find('\n', at) - at - kKey.size()));
  if (!kib) return std::nullopt;
  return *kib * 1024;
}

std::optional<std::uint64_t> control_group_bytes(std::string_view self_cgroup, const fs::path& root) {
  constexpr std::string_view kKey = "0::/";
  const std::size_t at = self_cgroup.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = self_cgroup.substr(at + kKey.size());
  fs::path group(rest.substr(0, rest.find('\n')));
  std::optional<std::uint64_t> least;
  while (true) {
    // `max` has no digits: no limit here.
    const auto most = number(content(root / group / "memory.max"));
    if (most) {
      const std::uint64_t used = number(content(root / group / "memory.current")).value_or(0);
      const std::uint64_t left = *most > used ? *most - used : 0;
      least = std::min(least.value_or(left), left);
    }
    if (group.empty()) return least;
    group = group.parent_path();
  }
}

std::uint64_t memory_limit(std::uint64_t asked) {
  if (asked > 0) return asked;
  const auto available = available_bytes(content("/proc/meminfo"));
  const auto group = control_group_bytes(content("/proc/self/cgroup"), "/sys/fs/cgroup");
  if (!available && !group) {
    throw Error("cannot find out how much memory is free: set trainer.memory, for example to 2GiB");
  }
  return share_of_free(std::min(available.value_or(*group), group.value_or(*available)));
}

std::uint64_t device_limit(std::uint64_t device_bytes, std::uint64_t host_limit, std::uint64_t beside_bytes) {
  return std::min(share_of_free(device_bytes), host_limit - std::min(host_limit, beside_bytes));
}

}  // namespace shoal::run
