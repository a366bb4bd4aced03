#include <gtest/gtest.h>

#include "engine/cuda/availability.hpp"

namespace shoal::cuda {
namespace {

constexpr int kBuilt = 13000;

TEST(CudaAvailability, SaysWhatIsWrongWithTheDriver) {
  const auto why = [](int driver, int status, int n_devices) {
    return why_no_device({driver, kBuilt, status, n_devices, "unknown error"});
  };
  EXPECT_EQ(why(0, 35, 0), "there is no NVIDIA driver");
  EXPECT_EQ(why(0, 34, 0),
            "libcuda.so.1 is the CUDA toolkit's stub, for linking only; the NVIDIA driver's must be found before it");
  EXPECT_EQ(why(12080, 35, 0), "the NVIDIA driver is too old: it supports CUDA 12.8, this program needs 13.0");
  EXPECT_EQ(why(12080, 0, 1), "the NVIDIA driver is too old: it supports CUDA 12.8, this program needs 13.0");
  EXPECT_EQ(why(13000, 100, 0), "the NVIDIA driver shows no GPU");
  EXPECT_EQ(why(13000, 0, 0), "the NVIDIA driver shows no GPU");
  EXPECT_EQ(why(13000, 999, 0), "the NVIDIA driver does not work: unknown error");
  EXPECT_EQ(why(13000, 0, 1), "");
  EXPECT_EQ(why(13010, 0, 8), "");
}

TEST(CudaAvailability, ReadsWhatTheBuildHolds) {
  using enum Architecture::Reach;
  const std::vector<Architecture> built = parse_architectures("75-real,90a-real,100f-real,110-virtual,120");
  ASSERT_EQ(built.size(), 5U);
  EXPECT_EQ(built[0].capability, (Capability{7, 5}));
  EXPECT_TRUE(built[0].binary && !built[0].ptx && built[0].reach == generic);
  EXPECT_EQ(built[1].capability, (Capability{9, 0}));
  EXPECT_TRUE(built[1].binary && !built[1].ptx && built[1].reach == specific);
  EXPECT_EQ(built[2].capability, (Capability{10, 0}));
  EXPECT_TRUE(built[2].binary && !built[2].ptx && built[2].reach == family);
  EXPECT_TRUE(!built[3].binary && built[3].ptx);
  EXPECT_EQ(built[4].capability, (Capability{12, 0}));
  EXPECT_TRUE(built[4].binary && built[4].ptx);
}

TEST(CudaAvailability, RunsCodeWhereItsArchitectureReaches) {
  const auto runs = [](std::string_view list, Capability device) {
    return why_no_code(parse_architectures(list), device).empty();
  };
  // A release for many: binaries within their major, PTX on what comes after.
  const std::string_view release = "75-real,80-real,90a-real,100-real,120";
  for (const Capability device :
       {Capability{7, 5}, {8, 0}, {8, 6}, {8, 9}, {9, 0}, {10, 0}, {10, 3}, {12, 0}, {12, 1}, {13, 0}}) {
    EXPECT_TRUE(runs(release, device)) << device.major << "." << device.minor;
  }
  for (const Capability device : {Capability{6, 1}, {7, 0}, {7, 2}, {9, 1}, {11, 0}}) {
    EXPECT_FALSE(runs(release, device)) << device.major << "." << device.minor;
  }
  EXPECT_FALSE(runs("86-real", {8, 0}));
  // Architecture's and family's own code goes nowhere else, not as PTX either.
  EXPECT_TRUE(runs("90a", {9, 0}));
  EXPECT_FALSE(runs("90a", {10, 0}));
  EXPECT_TRUE(runs("100f", {10, 3}));
  EXPECT_FALSE(runs("100f", {12, 0}));
  EXPECT_TRUE(runs("80-virtual", {9, 0}));
  EXPECT_FALSE(runs("80-virtual", {7, 5}));
}

TEST(CudaAvailability, NamesWhatTheBuildRunsOn) {
  EXPECT_EQ(why_no_code(parse_architectures("90a-real"), {8, 0}),
            "this program's kernels are compiled for compute capability 9.0a, the GPU has 8.0");
  EXPECT_EQ(why_no_code(parse_architectures("75-real,90a-real,120"), {6, 1}),
            "this program's kernels are compiled for compute capability 7.5, 9.0a and 12.0 or newer, the GPU has 6.1");
}

}  // namespace
}  // namespace shoal::cuda
