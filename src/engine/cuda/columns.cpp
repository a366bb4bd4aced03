#include "engine/cuda/columns.hpp"

namespace shoal::cuda {

void Columns::refresh_host(const Stream& stream) {
  // Nothing on the device is worth having before the first write: it goes up whole.
  if (host_.empty()) host_.assign(device_.size(), 0.0F);
  if (!host_is_old_) return;
  copy_to_host(std::span(host_), device_.data(), stream);
  stream.wait();
  host_is_old_ = false;
}

void Columns::write(std::uint32_t column, std::span<const float> values, const Stream& stream) {
  refresh_host(stream);
  for (std::size_t row = 0; row < values.size(); ++row) host_[row * n_columns_ + column] = values[row];
  device_is_old_ = true;
}

std::vector<float> Columns::read(std::uint32_t column, const Stream& stream) {
  refresh_host(stream);
  std::vector<float> values(device_.size() / n_columns_);
  for (std::size_t row = 0; row < values.size(); ++row) values[row] = host_[row * n_columns_ + column];
  return values;
}

void Columns::hand_to_device(const Stream& stream) {
  if (device_is_old_) copy_to_device(device_.data(), std::span<const float>(host_), stream);
  device_is_old_ = false;
  host_is_old_ = true;
}

}  // namespace shoal::cuda
