#include "engine/cuda/availability.hpp"

#include <algorithm>
#include <charconv>

namespace shoal::cuda {
namespace {

// cudaError_t; this file is tested where there is no toolkit.
constexpr int kSuccess = 0, kStubLibrary = 34, kInsufficientDriver = 35, kNoDevice = 100;

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string text(Capability c) { return std::to_string(c.major) + "." + std::to_string(c.minor); }

std::string text(const Architecture& a) {
  using enum Architecture::Reach;
  std::string words = text(a.capability) + (a.reach == specific ? "a" : a.reach == family ? "f" : "");
  if (a.ptx && a.reach == generic) words += " or newer";
  return words;
}

Architecture parse(std::string_view word) {
  int number = 0;
  const char* after = std::from_chars(word.data(), word.data() + word.size(), number).ptr;
  std::string_view rest = word.substr(static_cast<std::size_t>(after - word.data()));
  Architecture a{.capability = {number / 10, number % 10}};
  if (rest.starts_with('a')) a.reach = Architecture::Reach::specific;
  if (rest.starts_with('f')) a.reach = Architecture::Reach::family;
  if (a.reach != Architecture::Reach::generic) rest.remove_prefix(1);
  a.binary = rest != "-virtual";
  a.ptx = rest != "-real";
  return a;
}

bool runs(const Architecture& a, Capability device) {
  if (a.reach == Architecture::Reach::specific) return device == a.capability;
  if (a.ptx && a.reach == Architecture::Reach::generic) return device >= a.capability;
  return device.major == a.capability.major && device.minor >= a.capability.minor;
}

}  // namespace

std::string why_no_device(const DriverAnswer& answer) {
  // The stub says so before it is asked for a version, and an absent driver answers as one that is too old.
  if (answer.status == kStubLibrary) {
    return "libcuda.so.1 is the CUDA toolkit's stub, for linking only; the NVIDIA driver's must be found before it";
  }
  if (answer.driver_version == 0) return "there is no NVIDIA driver";
  if (answer.driver_version / 1000 < answer.built_version / 1000 || answer.status == kInsufficientDriver) {
    return "the NVIDIA driver is too old: it supports CUDA " + version_text(answer.driver_version) +
           ", this program needs " + version_text(answer.built_version);
  }
  if (answer.status == kNoDevice || (answer.status == kSuccess && answer.n_devices == 0)) {
    return "the NVIDIA driver shows no GPU";
  }
  return answer.status == kSuccess ? "" : "the NVIDIA driver does not work: " + answer.error;
}

std::vector<Architecture> parse_architectures(std::string_view list) {
  std::vector<Architecture> all;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    all.push_back(parse(list.substr(0, comma)));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return all;
}

std::string why_no_code(std::span<const Architecture> built, Capability device) {
  if (std::ranges::any_of(built, [&](const Architecture& a) { return runs(a, device); })) return "";
  std::string words;
  for (std::size_t i = 0; i < built.size(); ++i) {
    if (i > 0) words += i + 1 == built.size() ? " and " : ", ";
    words += text(built[i]);
  }
  return "this program's kernels are compiled for compute capability " + words + ", the GPU has " + text(device);
}

}  // namespace shoal::cuda
