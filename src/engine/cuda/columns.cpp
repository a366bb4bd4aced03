#include "engine/cuda/columns.hpp"

namespace shoal::cuda {

void Columns::write(std::uint32_t column, std::span<const float> values, const Stream& stream) {
  const std::span<float> host = mirror_.changed_host(stream);
  for (std::size_t row = 0; row < values.size(); ++row) host[row * n_columns_ + column] = values[row];
}

std::vector<float> Columns::read(std::uint32_t column, const Stream& stream) {
  const std::span<const float> host = mirror_.host(stream);
  std::vector<float> values(host.size() / n_columns_);
  for (std::size_t row = 0; row < values.size(); ++row) values[row] = host[row * n_columns_ + column];
  return values;
}

}  // namespace shoal::cuda
