// The emulated CUB against lists that were sorted by hand.
#include "cub.hpp"

#include <gtest/gtest.h>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernel_fault.hpp"

namespace shoal::cuda {
namespace {

using Words = std::vector<std::uint32_t>;

struct Sorting {
  explicit Sorting(const Words& k)
      : keys(uploaded(std::span(k), stream)), values(k.size()), sorted_keys(k.size()), sorted_values(k.size()) {
    for (std::uint32_t i = 0; i < k.size(); ++i) numbers.push_back(i);
    values.upload(numbers, stream);
    stream.wait();
  }
  cudaError_t call(void* temporary, std::size_t& bytes, int end_bit) {
    return cub::DeviceRadixSort::SortPairs(temporary, bytes, keys.get(), sorted_keys.get(), values.get(),
                                           sorted_values.get(), static_cast<int>(keys.size()), 0, end_bit,
                                           stream.get());
  }
  Words read(const DeviceBuffer<std::uint32_t>& buffer) {
    Words words(buffer.size());
    buffer.download(words, stream);
    stream.wait();
    return words;
  }

  Stream stream;
  Words numbers;
  DeviceBuffer<std::uint32_t> keys, values, sorted_keys, sorted_values;
};

TEST(Cub, SortsPairsByTheBitsThatItIsToldAndKeepsTheOrderOfEqualOnes) {
  Sorting sorting({6, 1, 13, 4, 9, 1});  // by two bits: 2, 1, 1, 0, 1, 1
  std::size_t bytes = 0;
  ASSERT_EQ(sorting.call(nullptr, bytes, 2), cudaSuccess);
  const DeviceBuffer<std::byte> temporary(bytes);
  ASSERT_EQ(sorting.call(temporary.get(), bytes, 2), cudaSuccess);
  EXPECT_EQ(sorting.read(sorting.sorted_values), (Words{3, 1, 2, 4, 5, 0}));
  EXPECT_EQ(sorting.read(sorting.sorted_keys), (Words{4, 1, 13, 9, 1, 6}));
  ASSERT_EQ(sorting.call(temporary.get(), bytes, 32), cudaSuccess);
  EXPECT_EQ(sorting.read(sorting.sorted_keys), (Words{1, 1, 4, 6, 9, 13}));
  EXPECT_EQ(sorting.read(sorting.sorted_values), (Words{1, 5, 3, 0, 4, 2}));
}

TEST(Cub, SortsWhenTheStreamComesToIt) {
  Sorting sorting({2, 1});
  std::size_t bytes = 0;
  ASSERT_EQ(sorting.call(nullptr, bytes, 32), cudaSuccess);
  const DeviceBuffer<std::byte> temporary(bytes);
  ASSERT_EQ(sorting.call(temporary.get(), bytes, 32), cudaSuccess);
  const Words later{9, 8};
  Words sorted(2);
  sorting.sorted_keys.download(sorted, sorting.stream);
  sorting.keys.upload(later, sorting.stream);
  sorting.stream.wait();
  EXPECT_EQ(sorted, (Words{1, 2}));
  EXPECT_EQ(sorting.read(sorting.keys), later);
}

TEST(Cub, RefusesTooLittleTemporaryMemoryAndNoBits) {
  Sorting sorting({2, 1, 3});
  std::size_t bytes = 0;
  ASSERT_EQ(sorting.call(nullptr, bytes, 32), cudaSuccess);
  const DeviceBuffer<std::byte> temporary(bytes);
  --bytes;
  EXPECT_EQ(sorting.call(temporary.get(), bytes, 32), cudaErrorInvalidValue);
  ++bytes;
  EXPECT_EQ(sorting.call(temporary.get(), bytes, 33), cudaErrorInvalidValue);
  static_cast<void>(cudaGetLastError());
}

TEST(Cub, StopsAtMemoryThatIsNotTheDevices) {
  Sorting sorting({2, 1, 3});
  std::size_t bytes = 0;
  ASSERT_EQ(sorting.call(nullptr, bytes, 32), cudaSuccess);
  std::vector<std::byte> on_the_host(bytes);
  ASSERT_EQ(sorting.call(on_the_host.data(), bytes, 32), cudaSuccess);
  try {
    sorting.stream.wait();
    FAIL() << "temporary memory of the host was taken";
  } catch (const emulation::KernelFault& fault) {
    EXPECT_STREQ(fault.what(),
                 "cub::DeviceRadixSort::SortPairs: temporary storage of 24 bytes is not in device memory");
  }
}

}  // namespace
}  // namespace shoal::cuda
