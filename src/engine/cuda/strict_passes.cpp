#include "engine/cuda/strict_passes.hpp"

#include <algorithm>

namespace shoal::cuda {
void StrictPasses::select(std::span<const CohortShape* const> shapes) {
  largest_.assign(shapes.front()->layers.size(), {0, 0});
  for (const CohortShape* shape : shapes) {
    for (std::size_t l = 0; l < largest_.size(); ++l) {
      largest_[l].first = std::max(largest_[l].first, shape->layers[l].n_in);
      largest_[l].second = std::max(largest_[l].second, shape->layers[l].n_out);
    }
  }
}

StrictLayer StrictPasses::layer(std::uint32_t l, std::uint32_t n_rows, bool drops) const {
  return {l, n_rows, largest_[l].first, largest_[l].second, drops};
}

void StrictPasses::forward(const CohortTask<float>& task, std::uint32_t n_rows, bool drops) const {
  for (std::uint32_t l = 0; l < task.n_layers; ++l) {
    launch_strict_forward(task, layer(l, n_rows, drops), stream_->get());
  }
}

void StrictPasses::output(CohortTask<float> task, std::uint32_t n_rows, bool training) const {
  if (task.row_loss == nullptr) task.row_loss = row_loss_.get();
  launch_output(task, n_rows, training, stream_->get());
  launch_strict_losses(task, sums_.get(), n_rows, training, stream_->get());
}

void StrictPasses::backward(const CohortTask<float>& task, std::uint32_t n_rows, bool drops) const {
  float* delta = task.delta;
  float* below = task.back;
  for (std::uint32_t l = task.n_layers; l-- > 0;) {
    launch_strict_gradient(task, layer(l, n_rows, drops), delta, stream_->get());
    if (l == 0) return;
    launch_strict_backward(task, layer(l, n_rows, drops), delta, below, stream_->get());
    std::swap(delta, below);
  }
}

}  // namespace shoal::cuda
