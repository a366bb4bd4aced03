#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/device.hpp"

namespace shoal::cuda {

/// A CUDA stream, destroyed with its owner.
class Stream {
 public:
  Stream() { check(cudaStreamCreate(&stream_), "cudaStreamCreate"); }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }
  /// Waits; throws what kernels and copies before it ran into.
  void wait() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

 private:
  cudaStream_t stream_{};
};

/// A point of a stream.
class Event {
 public:
  /// timed: it can be asked when it was reached.
  explicit Event(bool timed = false) {
    check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming),
          "cudaEventCreateWithFlags");
  }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(const Stream& stream) const { check(cudaEventRecord(event_, stream.get()), "cudaEventRecord"); }
  /// What comes to `stream` from here on waits for the point.
  void hold(const Stream& stream) const { check(cudaStreamWaitEvent(stream.get(), event_, 0), "cudaStreamWaitEvent"); }
  /// Waits until it is reached; not at all where it was never recorded.
  void wait() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
  /// Since another timed event, both reached, by the device's own clock.
  [[nodiscard]] double milliseconds_since(const Event& begin) const {
    float elapsed = 0;
    check(cudaEventElapsedTime(&elapsed, begin.event_, event_), "cudaEventElapsedTime");
    return static_cast<double>(elapsed);
  }

 private:
  cudaEvent_t event_{};
};

/// Work that was recorded once and is launched whole.
class Graph {
 public:
  /// Records what `work()` puts on the stream; it does not run.
  template <class Work>
  Graph(const Stream& stream, Work work) {
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    cudaGraph_t graph{};
    try {
      work();
    } catch (...) {
      static_cast<void>(cudaStreamEndCapture(stream.get(), &graph));
      if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
      static_cast<void>(cudaGetLastError());  // the next launch must not tell of it
      throw;
    }
    check(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
    const cudaError_t status = cudaGraphInstantiate(&graph_, graph, 0);
    static_cast<void>(cudaGraphDestroy(graph));
    check(status, "cudaGraphInstantiate");
  }
  ~Graph() { static_cast<void>(cudaGraphExecDestroy(graph_)); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void launch(const Stream& stream) const { check(cudaGraphLaunch(graph_, stream.get()), "cudaGraphLaunch"); }

 private:
  cudaGraphExec_t graph_{};
};

/// Kernels that were not there when the program was linked.
class Library {
 public:
  /// image: what NVRTC made for this device.
  explicit Library(const std::string& image) {
    check(cudaLibraryLoadData(&library_, image.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
          "cudaLibraryLoadData");
  }
  ~Library() {
    if (library_ != nullptr) static_cast<void>(cudaLibraryUnload(library_));
  }
  Library(Library&& other) noexcept : library_(std::exchange(other.library_, nullptr)) {}
  Library& operator=(Library&&) = delete;

  /// As launch_function() takes it.
  [[nodiscard]] const void* kernel(const char* name) const {
    cudaKernel_t kernel{};
    check(cudaLibraryGetKernel(&kernel, library_, name), "cudaLibraryGetKernel");
    return reinterpret_cast<const void*>(kernel);
  }

 private:
  cudaLibrary_t library_{};
};

inline int device_attribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&value, attribute, device), "cudaDeviceGetAttribute");
  return value;
}

/// sm_90 and the like: what the device runs.
inline std::string device_architecture() {
  return "sm_" + std::to_string(device_attribute(cudaDevAttrComputeCapabilityMajor)) +
         std::to_string(device_attribute(cudaDevAttrComputeCapabilityMinor));
}

/// Bytes of the device's memory that nobody has taken.
inline std::uint64_t free_device_bytes() {
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

/// Copies, ordered by their stream; host memory must live until Stream::wait().
template <class T>
void copy_to_device(T* to, std::span<const T> from, const Stream& stream) {
  if (from.empty()) return;
  check(cudaMemcpyAsync(to, from.data(), from.size_bytes(), cudaMemcpyHostToDevice, stream.get()),
        "cudaMemcpyAsync to the device");
}
template <class T>
void copy_to_host(std::span<T> to, const T* from, const Stream& stream) {
  if (to.empty()) return;
  check(cudaMemcpyAsync(to.data(), from, to.size_bytes(), cudaMemcpyDeviceToHost, stream.get()),
        "cudaMemcpyAsync to the host");
}

/// An array in device memory.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t n) : size_(n) {
    if (n == 0) return;
    void* memory = nullptr;
    check(cudaMalloc(&memory, n * sizeof(T)), "cudaMalloc of " + std::to_string(n * sizeof(T)) + " bytes");
    data_ = static_cast<T*>(memory);
  }
  ~DeviceBuffer() { static_cast<void>(cudaFree(data_)); }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  [[nodiscard]] T* get() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Room for n elements; what was there is gone, and given back before there is more.
  void renew(std::size_t n) {
    *this = {};
    *this = DeviceBuffer(n);
  }
  /// Likewise where there is less; else it stays.
  void grow(std::size_t n) {
    if (n > size_) renew(n);
  }
  void upload(std::span<const T> from, const Stream& stream) { copy_to_device(data_, from, stream); }
  void download(std::span<T> to, const Stream& stream) const { copy_to_host(to, data_, stream); }
  void clear(const Stream& stream) { clear(stream, size_); }
  /// The first n elements.
  void clear(const Stream& stream, std::size_t n) {
    if (n == 0) return;
    check(cudaMemsetAsync(data_, 0, n * sizeof(T), stream.get()), "cudaMemsetAsync");
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// An array in host memory that a device copies from and to while the host goes on.
template <class T>
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t n) : size_(n) {
    if (n == 0) return;
    void* memory = nullptr;
    check(cudaMallocHost(&memory, n * sizeof(T)), "cudaMallocHost of " + std::to_string(n * sizeof(T)) + " bytes");
    data_ = static_cast<T*>(memory);
  }
  ~PinnedBuffer() { static_cast<void>(cudaFreeHost(data_)); }
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  [[nodiscard]] T* get() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

template <class T>
DeviceBuffer<T> uploaded(std::span<const T> from, const Stream& stream) {
  DeviceBuffer<T> buffer(from.size());
  buffer.upload(from, stream);
  return buffer;
}

}  // namespace shoal::cuda
