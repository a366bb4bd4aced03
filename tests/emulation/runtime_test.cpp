#include "runtime.hpp"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "expect_stopped.hpp"
#include "kernels/cuda/device.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

struct DeviceFloats {
  explicit DeviceFloats(std::size_t count) : n(count) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, n * sizeof(float)), "cudaMalloc");
    data = static_cast<float*>(memory);
  }
  ~DeviceFloats() { static_cast<void>(cudaFree(data)); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  [[nodiscard]] std::vector<float> read() const {
    std::vector<float> host(n);
    check(cudaMemcpyAsync(host.data(), data, n * sizeof(float), cudaMemcpyDeviceToHost, nullptr), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    return host;
  }
  std::size_t n;
  float* data = nullptr;
};

SHOAL_KERNEL void write_at(float* to, std::ptrdiff_t place) {
  if (block() == 2 && thread() == 5) to[place] = 1.0F;
}
SHOAL_KERNEL void read_at(float* to, std::ptrdiff_t place) { to[0] = to[place]; }
SHOAL_KERNEL void add_up(const float* from, float* sum) { atomic_add(sum, from[block() * n_threads() + thread()]); }
SHOAL_KERNEL void last_wins(float* to) { *to = static_cast<float>(block() * n_threads() + thread()); }
SHOAL_KERNEL void set_one(float* to, float value) { *to = value; }
SHOAL_KERNEL void shared_to_global(float* to) { to[thread()] = dynamic_shared<float>()[thread()]; }

std::string fault_of(void (*kernel)(float*, std::ptrdiff_t), const DeviceFloats& memory, std::ptrdiff_t place) {
  try {
    launch({"kernel", 4, 32, 0, nullptr}, kernel, memory.data, place);
    check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  } catch (const emulation::KernelFault& fault) {
    return fault.what();
  }
  return "";
}

TEST(EmulatedRuntimeDeathTest, WriteOutsideOfDeviceMemoryNamesKernelAndBlock) {
  for (const std::ptrdiff_t place : {-1, 100}) {
    const DeviceFloats memory(100);
    emulation::expect_stopped_write([&] { return fault_of(write_at, memory, place); },
                                    "kernel: write outside of an allocation of 400 bytes of device memory (block 2)");
  }
}

TEST(EmulatedRuntimeDeathTest, ReadOutsideOfDeviceMemoryIsStopped) {
  const DeviceFloats memory(100);
  emulation::expect_stopped_read([&] { return fault_of(read_at, memory, 100); });
}

TEST(EmulatedRuntime, AccessToFreedDeviceMemoryNamesBlockAndThread) {
  const DeviceFloats memory(1);
  float* freed = nullptr;
  {
    const DeviceFloats gone(1);
    freed = gone.data;
  }
  const std::string what = fault_of(read_at, memory, freed - memory.data);
  EXPECT_EQ(what.find("kernel: access to memory at 0x"), 0U) << what;
  EXPECT_NE(what.find(", which is not there (block 0, thread 0)"), std::string::npos) << what;
}

TEST(EmulatedRuntime, MemoryThatNobodyWroteReadsAsNaN) {
  const DeviceFloats memory(8);
  for (const float value : memory.read()) EXPECT_TRUE(std::isnan(value));
  launch({"shared_to_global", 1, 8, 32, nullptr}, shared_to_global, memory.data);
  for (const float value : memory.read()) EXPECT_TRUE(std::isnan(value));
}

TEST(EmulatedRuntime, CopiesOutsideOfAnAllocationAreRefused) {
  const DeviceFloats memory(4);
  std::vector<float> host(5);
  const auto copy = [&](float* from, std::size_t n) {
    return cudaMemcpyAsync(host.data(), from, n * sizeof(float), cudaMemcpyDeviceToHost, nullptr);
  };
  EXPECT_EQ(copy(memory.data, 4), cudaSuccess);
  EXPECT_EQ(copy(memory.data, 5), cudaErrorInvalidValue);
  EXPECT_EQ(copy(memory.data + 2, 3), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(memory.data, 0, 17, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(host.data()), cudaErrorInvalidValue);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(EmulatedRuntime, LaunchesThatAGpuRefusesAreRefusedAtOnce) {
  const DeviceFloats memory(1);
  const auto error_of = [&](std::uint32_t n_blocks, std::uint32_t n_threads, std::size_t shared_bytes) -> std::string {
    try {
      launch({"set", n_blocks, n_threads, shared_bytes, nullptr}, set_one, memory.data, 0.0F);
    } catch (const Error& error) {
      const std::string what = error.what();
      return what.substr(0, what.find(','));
    }
    return "";
  };
  EXPECT_EQ(error_of(0, 32, 0), "launch of set failed: cudaErrorInvalidConfiguration");
  EXPECT_EQ(error_of(1, 0, 0), "launch of set failed: cudaErrorInvalidConfiguration");
  EXPECT_EQ(error_of(1, 1025, 0), "launch of set failed: cudaErrorInvalidConfiguration");
  EXPECT_EQ(error_of(1, 1024, 49152), "");
  EXPECT_EQ(error_of(1, 1024, 49153), "launch of set failed: cudaErrorInvalidValue");
  EXPECT_EQ(cudaFuncSetAttribute(set_one, cudaFuncAttributeMaxDynamicSharedMemorySize, 232449), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(set_one, cudaFuncAttributeMaxDynamicSharedMemorySize, 232448), cudaSuccess);
  EXPECT_EQ(error_of(1, 1024, 232448), "");
  EXPECT_EQ(error_of(1, 1024, 232449), "launch of set failed: cudaErrorInvalidValue");
}

TEST(EmulatedRuntimeDeathTest, HostCodeThatTouchesProtectedDeviceMemoryIsKilled) {
  const DeviceFloats memory(4);
  emulation::protect_device_memory(true);
  launch({"set", 1, 1, 0, nullptr}, set_one, memory.data, 3.0F);
  EXPECT_EQ(memory.read()[0], 3.0F) << "kernels and copies are not";
  EXPECT_DEATH(static_cast<void>(*static_cast<volatile float*>(memory.data)), "");
  const DeviceFloats later(4);
  EXPECT_DEATH(*later.data = 1, "");
  emulation::protect_device_memory(false);
  EXPECT_EQ(*memory.data, 3.0F);
}

/// Bits of one float after a launch under each of the 8 schedules.
template <class Run>
std::set<std::uint32_t> results(Run run) {
  std::set<std::uint32_t> all;
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    emulation::set_schedule(schedule);
    const DeviceFloats memory(1);
    launch({"set", 1, 1, 0, nullptr}, set_one, memory.data, 0.0F);
    run(memory.data);
    all.insert(std::bit_cast<std::uint32_t>(memory.read()[0]));
  }
  emulation::set_schedule(0);
  return all;
}

TEST(EmulatedRuntime, ResultThatDependsOnTheOrderOfThreadsDiffersBetweenSchedules) {
  const DeviceFloats rough(128);
  std::vector<float> values;
  for (int i = 0; i < 128; ++i) values.push_back(std::ldexp(1.0F + static_cast<float>(i) / 128, i % 30));
  check(cudaMemcpyAsync(rough.data, values.data(), 512, cudaMemcpyHostToDevice, nullptr), "cudaMemcpyAsync");
  const auto sum = [&](float* to) { launch({"add_up", 4, 32, 0, nullptr}, add_up, rough.data, to); };
  EXPECT_GT(results(sum).size(), 1U);
  EXPECT_GT(results([](float* to) { launch({"last_wins", 2, 32, 0, nullptr}, last_wins, to); }).size(), 2U);
  EXPECT_EQ(results([](float*) {}).size(), 1U);
}

TEST(EmulatedRuntime, EventsMeasureTime) {
  cudaEvent_t begin{};
  cudaEvent_t end{};
  ASSERT_EQ(cudaEventCreate(&begin), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(begin, nullptr), cudaSuccess);
  results([](float* to) { launch({"last_wins", 2, 32, 0, nullptr}, last_wins, to); });
  ASSERT_EQ(cudaEventRecord(end, nullptr), cudaSuccess);
  ASSERT_EQ(cudaEventSynchronize(end), cudaSuccess);
  float milliseconds = 0;
  ASSERT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  EXPECT_GT(milliseconds, 0.0F);
  EXPECT_EQ(cudaEventDestroy(begin), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaSuccess);
}

}  // namespace
}  // namespace shoal::cuda
