// Asynchronous copies and tensor-core fragments: planted misuse, and the layouts as the PTX ISA states them.
#include <array>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "expect_stopped.hpp"
#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/tensor_core.cuh"

namespace shoal::cuda {
namespace {

/// One warp that copies 32 floats to shared memory and gives back what it finds there.
SHOAL_KERNEL void copy_kernel(const float* from, float* out, int wait) {
  auto& tile = static_shared<float[kWarpLanes], struct Tile>();
  copy_async<4>(tile + lane(), from + lane());
  if (wait == 1) wait_for_copies<0>();
  barrier();
  out[lane()] = tile[lane()];
  if (wait == 2) wait_for_copies<0>();
}
SHOAL_KERNEL void misaligned_copy(const float* from) {
  copy_async<16>(&static_shared<float[kWarpLanes], struct Tile>()[1], from);
}
SHOAL_KERNEL void load_four(const float* from, std::uint32_t first, float* out) { store(out, load<4>(from + first)); }
SHOAL_KERNEL void copy_beyond(const float* from) {
  copy_async<16>(&static_shared<float[kWarpLanes], struct Tile>(), from + 32);
}
SHOAL_KERNEL void copy_to_global(float* at) { copy_async<4>(at, at); }
SHOAL_KERNEL void product_without_lane(std::uint32_t absent) {
  SumFragment sum{};
  if (lane() != absent) multiply_add(sum, LeftFragment<Bf16>{}, RightFragment<Bf16>{});
}
SHOAL_KERNEL void product_of_plain_floats(float* number) {
  SumFragment sum{};
  multiply_add(sum, LeftFragment<Tf32>{{std::bit_cast<std::uint32_t>(*number), 0, 0, 0}}, RightFragment<Tf32>{});
}
SHOAL_KERNEL void load_misaligned(std::uint32_t* words) {
  auto& tile = static_shared<std::uint32_t[256], struct Matrices>();
  words[0] = load_matrices<false>(tile + lane() * 4 + 1).words[0];
}
SHOAL_KERNEL void load_from_global(std::uint32_t* words) { words[0] = load_matrices<true>(words).words[0]; }
SHOAL_KERNEL void write_static(int* place) { (&static_shared<float[4], struct Four>()[0])[*place] = 1; }

template <class... Arguments>
std::string fault_of(void (*kernel)(Arguments...), std::type_identity_t<Arguments>... arguments) {
  launch({"kernel", 1, kWarpLanes, 0, nullptr}, kernel, arguments...);
  try {
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  } catch (const emulation::KernelFault& fault) {
    return fault.what();
  }
  return "";
}

struct Floats {
  std::vector<float> host = std::vector<float>(32, 1.5F);
  Stream stream;
  DeviceBuffer<float> from = uploaded(std::span<const float>(host), stream);
  DeviceBuffer<float> out{32};
  Floats() { stream.wait(); }
};

TEST(AsyncCopy, IsThereAfterTheWaitAndPoisonBefore) {
  const Floats f;
  std::vector<float> out(32);
  for (const int wait : {1, 2}) {
    EXPECT_EQ(fault_of(copy_kernel, f.from.get(), f.out.get(), wait), "");
    f.out.download(out, f.stream);
    f.stream.wait();
    for (const float value : out) EXPECT_TRUE(wait == 1 ? value == 1.5F : std::isnan(value));
  }
}

TEST(AsyncCopy, ThatNobodyWaitsForIsAFault) {
  const Floats f;
  EXPECT_EQ(fault_of(copy_kernel, f.from.get(), f.out.get(), 0),
            "kernel: thread ended before copies that it did not wait for (block 0, thread 0)");
}

TEST(AsyncCopy, OutsideOfMemoryOrMisalignedIsAFault) {
  const Floats f;
  EXPECT_EQ(fault_of(misaligned_copy, f.from.get()),
            "kernel: an asynchronous copy of 16 bytes is not aligned to them (block 0, thread 0)");
  EXPECT_EQ(fault_of(copy_beyond, f.from.get()),
            "kernel: an asynchronous copy of 16 bytes reads outside of device memory (block 0, thread 0)");
  EXPECT_EQ(fault_of(copy_to_global, f.from.get()),
            "kernel: an asynchronous copy of 4 bytes writes outside of shared memory (block 0, thread 0)");
}

TEST(Pack, MisalignedIsAFault) {
  const Floats f;
  EXPECT_EQ(fault_of(load_four, f.from.get(), 4U, f.out.get()), "");
  EXPECT_EQ(fault_of(load_four, f.from.get(), 6U, f.out.get()),
            "kernel: access to 16 bytes that are not aligned to their number (block 0, thread 0)");
  EXPECT_EQ(fault_of(load_four, f.from.get(), 4U, f.out.get() + 1),
            "kernel: access to 16 bytes that are not aligned to their number (block 0, thread 0)");
}

TEST(StaticSharedDeathTest, WriteOutsideIsAFault) {
  const Stream stream;
  const int place = 4;
  const DeviceBuffer<int> on_device = uploaded(std::span(&place, 1), stream);
  stream.wait();
  emulation::expect_stopped_write([&] { return fault_of(write_static, on_device.get()); },
                                  "kernel: write outside of 16 bytes of shared memory (block 0, thread 0)");
}

TEST(TensorCore, LaneThatDoesNotComeIsNamed) {
  const std::string what = fault_of(product_without_lane, 11U);
  EXPECT_EQ(what.find("kernel: thread did not reach an operation of the whole warp (copies_and_fragments_test.cpp:"),
            0U)
      << what;
  EXPECT_NE(what.find(" in which thread 0 waits for it (block 0, thread 11)"), std::string::npos) << what;
}

TEST(TensorCore, NumberThatIsNotRoundedIsAFault) {
  const Floats f;
  EXPECT_EQ(fault_of(product_of_plain_floats, f.from.get()), "");
  const float third = 1.0F / 3;
  check(cudaMemcpyAsync(f.from.get(), &third, 4, cudaMemcpyHostToDevice, nullptr), "cudaMemcpyAsync");
  EXPECT_EQ(fault_of(product_of_plain_floats, f.from.get()),
            "kernel: a fragment holds a number that is not rounded to tf32 (block 0, thread 0)");
}

TEST(TensorCore, MatrixOutsideOfSharedMemoryOrMisalignedIsAFault) {
  const Stream stream;
  const DeviceBuffer<std::uint32_t> words{32};
  EXPECT_EQ(fault_of(load_misaligned, words.get()),
            "kernel: a row of a matrix is not aligned to its 16 bytes (block 0, thread 0)");
  EXPECT_EQ(fault_of(load_from_global, words.get()),
            "kernel: a row of a matrix lies outside of shared memory (block 0, thread 0)");
}

/// The tables of "Matrix Fragments for mma.m16n8k8" and "for mma.m16n8k16", as they are printed there.
TEST(TensorCore, FragmentsLieAsThePtxIsaSays) {
  const auto equal = [](Element e, std::uint32_t row, std::uint32_t column) {
    return e.row == row && e.column == column;
  };
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    const std::uint32_t group = lane >> 2;
    const std::uint32_t in_group = lane % 4;
    for (std::uint32_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(equal(left_element<Tf32>(lane, i), i == 0 || i == 2 ? group : group + 8,
                        i == 0 || i == 1 ? in_group : in_group + 4));
      EXPECT_TRUE(equal(sum_element(lane, i), i < 2 ? group : group + 8, in_group * 2 + (i & 1)));
      EXPECT_TRUE(
          equal(right_element<Bf16>(lane, i), i < 2 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8, group));
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(equal(right_element<Tf32>(lane, i), i == 0 ? in_group : in_group + 4, group));
    }
    for (std::uint32_t i = 0; i < 8; ++i) {
      EXPECT_TRUE(equal(left_element<Bf16>(lane, i), i < 2 || (i >= 4 && i < 6) ? group : group + 8,
                        i < 4 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8));
    }
  }
}

TEST(TensorCore, RoundsAsTheConversionsDo) {
  const auto tf32 = [](float x) { return Tf32::word(&x); };
  EXPECT_EQ(tf32(1 + 0x1p-11F), 0x3F802000U) << "a tie: away from zero";
  EXPECT_EQ(tf32(-1 - 0x1p-11F), 0xBF802000U);
  EXPECT_EQ(tf32(1 + 0x1p-12F), 0x3F800000U);
  const auto bf16 = [](float low, float high) { return Bf16::word(std::array{low, high}.data()); };
  EXPECT_EQ(bf16(1 + 0x1p-8F, 1 + 3 * 0x1p-8F), 0x3F823F80U) << "ties: to even";
  EXPECT_EQ(bf16(std::nanf(""), -2), 0xC0007FFFU);
}

}  // namespace
}  // namespace shoal::cuda
