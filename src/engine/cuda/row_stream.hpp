#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/cuda/device_memory.hpp"

namespace shoal::cuda {

/// Brings rows of a table that stays in host memory to the device, some at a time, through two pinned buffers and two
/// on the device: while it works on what came last, the next rows are gathered and copied.
class RowStream {
 public:
  /// inputs: [row][n_inputs]. n_threads gather them. Both outlive it; `reader` is the stream that works on the rows.
  RowStream(std::span<const float> inputs, std::size_t n_inputs, std::uint32_t n_threads, const Stream& reader);

  /// Device bytes for so many rows at a time.
  [[nodiscard]] static std::uint64_t bytes(std::size_t most_rows, std::size_t n_inputs) {
    return 2 * most_rows * n_inputs * sizeof(float);
  }
  /// Allocates for so many rows at a time.
  void reserve(std::size_t most_rows);
  /// The inputs of these rows, [rows.size()][n_inputs], on the device; there when the reader's next work begins, and
  /// gone where the call after the next one is made. Waits for a free buffer alone.
  [[nodiscard]] const float* bring(std::span<const std::uint32_t> rows);
  /// The reader was given all that reads what bring() said.
  void was_read() { buffers_[in_use_].read.record(*reader_); }

 private:
  struct Buffer {
    PinnedBuffer<float> host;
    DeviceBuffer<float> device;
    Event copied, read;
  };
  void gather(std::span<const std::uint32_t> rows, float* to) const;

  std::span<const float> inputs_;
  std::size_t n_inputs_;
  std::uint32_t n_threads_;
  const Stream* reader_;
  Stream copies_;
  std::array<Buffer, 2> buffers_;
  std::size_t in_use_ = 0;
  std::size_t most_rows_ = 0;
};

}  // namespace shoal::cuda
