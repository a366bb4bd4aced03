#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/device.hpp"
#include "tests/kernels/device_operations.hpp"

namespace {

using namespace shoal::cuda;

constexpr std::uint32_t kThreads = 64;

struct WarpOut {
  float *shuffle, *shuffle_xor, *shuffle_down, *shuffle_up;
  std::uint32_t *ballot, *any, *all, *exchanged;
};

SHOAL_KERNEL void warp_kernel(WarpOut out) {
  const std::uint32_t t = thread();
  const auto value = static_cast<float>(t);
  out.shuffle[t] = shuffle(kFullWarp, value, 5);
  out.shuffle_xor[t] = shuffle_xor(kFullWarp, value, 3);
  out.shuffle_down[t] = shuffle_down(kFullWarp, value, 4);
  out.shuffle_up[t] = shuffle_up(kFullWarp, value, 4);
  out.ballot[t] = ballot(kFullWarp, t % 3 == 0);
  out.any[t] = any(kFullWarp, t == 40) ? 1 : 0;
  out.all[t] = all(kFullWarp, t < 32) ? 1 : 0;
  auto* const tile = dynamic_shared<std::uint32_t>();
  tile[t] = t;
  warp_barrier(kFullWarp);
  const std::uint32_t in_warp = tile[t ^ 1U];
  barrier();
  out.exchanged[t] = in_warp * 100 + tile[kThreads - 1 - t];
}

SHOAL_KERNEL void atomic_kernel(AtomicResults* out) {
  const std::uint32_t t = block() * n_threads() + thread();
  atomic_add(&out->sum, static_cast<int>(t) - 10);
  atomic_add(&out->unsigned_sum, t);
  atomic_add(&out->wide_sum, 1ULL << 40);
  atomic_add(&out->float_sum, 0.5F);
  atomic_add(&out->double_sum, 0.25);
  atomic_max(&out->max, static_cast<int>(t));
  // Counts up by compare-and-swap alone.
  unsigned seen = 0;
  for (unsigned old = ~0U; old != seen;) {
    old = seen;
    seen = atomic_compare_and_swap(&out->n_exchanges, old, old + 1);
  }
}

/// 16 floats by a copy of each size, then the second half of 64.
SHOAL_KERNEL void copy_kernel(const float* from, float* first, float* second) {
  auto& tile = static_shared<float[kThreads], struct Tile>();
  const std::uint32_t t = thread();
  if (t < 4) copy_async<16>(tile + 4 * t, from + 4 * t);
  if (t >= 4 && t < 8) copy_async<8>(tile + 16 + 2 * (t - 4), from + 16 + 2 * (t - 4));
  if (t >= 8 && t < 16) copy_async<4>(tile + 24 + t - 8, from + 24 + t - 8);
  commit_copies();
  if (t < 8) copy_async<16>(tile + 32 + 4 * t, from + 32 + 4 * t);
  commit_copies();
  wait_for_copies<1>();
  barrier();
  first[t] = tile[(t + 7) % 32];
  wait_for_copies<0>();
  barrier();
  second[t] = tile[kThreads - 1 - t];
}

template <class T>
std::vector<T> down(const DeviceBuffer<T>& buffer, const Stream& stream) {
  std::vector<T> host(buffer.size());
  buffer.download(host, stream);
  stream.wait();
  return host;
}

}  // namespace

WarpResults run_warp_operations() {
  const Stream stream;
  const DeviceBuffer<float> f[4] = {DeviceBuffer<float>(kThreads), DeviceBuffer<float>(kThreads),
                                    DeviceBuffer<float>(kThreads), DeviceBuffer<float>(kThreads)};
  const DeviceBuffer<std::uint32_t> u[4] = {
      DeviceBuffer<std::uint32_t>(kThreads), DeviceBuffer<std::uint32_t>(kThreads),
      DeviceBuffer<std::uint32_t>(kThreads), DeviceBuffer<std::uint32_t>(kThreads)};
  launch({"warp_kernel", 1, kThreads, kThreads * sizeof(std::uint32_t), stream.get()}, warp_kernel,
         WarpOut{f[0].get(), f[1].get(), f[2].get(), f[3].get(), u[0].get(), u[1].get(), u[2].get(), u[3].get()});
  return {down(f[0], stream), down(f[1], stream), down(f[2], stream), down(f[3], stream),
          down(u[0], stream), down(u[1], stream), down(u[2], stream), down(u[3], stream)};
}

AtomicResults run_atomic_operations() {
  const Stream stream;
  DeviceBuffer<AtomicResults> results(1);
  results.clear(stream);
  launch({"atomic_kernel", 2, kThreads, 0, stream.get()}, atomic_kernel, results.get());
  return down(results, stream)[0];
}

CopyResults run_copies(const std::vector<float>& values) {
  const Stream stream;
  const DeviceBuffer<float> from = uploaded(std::span(values), stream);
  const DeviceBuffer<float> first(kThreads), second(kThreads);
  launch({"copy_kernel", 1, kThreads, 0, stream.get()}, copy_kernel, from.get(), first.get(), second.get());
  return {down(first, stream), down(second, stream)};
}
