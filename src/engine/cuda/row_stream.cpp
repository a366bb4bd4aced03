#include "engine/cuda/row_stream.hpp"

#include <algorithm>
#include <thread>
#include <vector>

namespace shoal::cuda {
namespace {

/// What a thread copies at least: starting one takes as long as some hundred kilobytes.
constexpr std::size_t kFloatsOfThread = std::size_t{1} << 18;

}  // namespace

RowStream::RowStream(std::span<const float> inputs, std::size_t n_inputs, std::uint32_t n_threads, const Stream& reader)
    : inputs_(inputs),
      n_inputs_(n_inputs),
      n_threads_(n_threads > 0 ? n_threads : std::max(1U, std::thread::hardware_concurrency())),
      reader_(&reader) {}

void RowStream::reserve(std::size_t most_rows) {
  if (most_rows <= most_rows_) return;
  copies_.wait();
  reader_->wait();
  for (Buffer& buffer : buffers_) {
    buffer.host = PinnedBuffer<float>(most_rows * n_inputs_);
    buffer.device = DeviceBuffer<float>(most_rows * n_inputs_);
  }
  most_rows_ = most_rows;
}

void RowStream::gather(std::span<const std::uint32_t> rows, float* to) const {
  const std::size_t n_parts = std::clamp<std::size_t>(rows.size() * n_inputs_ / kFloatsOfThread, 1, n_threads_);
  const auto copy_part = [&](std::size_t part) {
    for (std::size_t r = part * rows.size() / n_parts; r < (part + 1) * rows.size() / n_parts; ++r) {
      std::ranges::copy(inputs_.subspan(rows[r] * n_inputs_, n_inputs_), to + r * n_inputs_);
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < n_parts; ++part) others.emplace_back(copy_part, part);
  copy_part(0);
}

const float* RowStream::bring(std::span<const std::uint32_t> rows) {
  in_use_ = 1 - in_use_;
  Buffer& buffer = buffers_[in_use_];
  buffer.copied.wait();
  gather(rows, buffer.host.get());
  buffer.read.hold(copies_);
  copy_to_device(buffer.device.get(), std::span<const float>(buffer.host.get(), rows.size() * n_inputs_), copies_);
  buffer.copied.record(copies_);
  buffer.copied.hold(*reader_);
  return buffer.device.get();
}

}  // namespace shoal::cuda
