#include "run/memory_limit.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "small_sweeps.hpp"

namespace shoal::run {
namespace {

TEST(AvailableBytes, ReadsMemAvailable) {
  EXPECT_EQ(available_bytes("MemTotal:  100 kB\nMemFree:   5 kB\nMemAvailable:      42 kB\nBuffers: 7 kB\n"), 43'008U);
  EXPECT_FALSE(available_bytes("MemTotal: 100 kB\n").has_value());
}

TEST(ControlGroupBytes, TakesTheTightestOfTheGroupAndThoseAbove) {
  const small::Folder root;
  const std::filesystem::path group = root / "jobs/one";
  std::filesystem::create_directories(group);
  const auto write = [](const std::filesystem::path& file, const char* text) { std::ofstream(file) << text; };
  EXPECT_FALSE(control_group_bytes("0::/jobs/one\n", root / "").has_value());
  write(group / "memory.max", "max\n");
  write(group / "memory.current", "10\n");
  EXPECT_FALSE(control_group_bytes("0::/jobs/one\n", root / "").has_value());
  write(root / "jobs/memory.max", "1000\n");
  write(root / "jobs/memory.current", "300\n");
  EXPECT_EQ(control_group_bytes("0::/jobs/one\n", root / ""), 700U);
  write(group / "memory.max", "60\n");
  EXPECT_EQ(control_group_bytes("4:cpu:/x\n0::/jobs/one\n", root / ""), 50U);
}

TEST(MemoryLimit, IsWhatWasAskedOrMostOfWhatIsFree) {
  EXPECT_EQ(memory_limit(12'345), 12'345U);
  EXPECT_GT(memory_limit(0), 1U << 20U);
}

TEST(DeviceLimit, IsAShareOfTheDeviceThatTheHostHasRoomFor) {
  EXPECT_EQ(device_limit(1'000, 5'000, 300), 800U);
  EXPECT_EQ(device_limit(10'000, 5'000, 300), 4'700U);
  EXPECT_EQ(device_limit(10'000, 5'000, 6'000), 0U);
}

}  // namespace
}  // namespace shoal::run
