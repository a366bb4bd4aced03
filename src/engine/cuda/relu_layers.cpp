#include "engine/cuda/relu_layers.hpp"

namespace shoal::cuda {
namespace {

/// Of layer l, for one row; 0 where it has none.
std::size_t mask_bytes(const CohortShape& shape, std::size_t l) {
  const CohortLayer& layer = shape.layers[l];
  const bool is_hidden = l + 1 < shape.layers.size();
  return is_hidden && layer.activation == Act::relu ? ReluMask::stride_of(layer.n_out) / 8 : 0;
}

std::size_t mask_bytes(const CohortShape& shape) {
  std::size_t bytes = 0;
  for (std::size_t l = 0; l < shape.layers.size(); ++l) bytes += mask_bytes(shape, l);
  return bytes;
}

}  // namespace

template <class T>
std::uint64_t ReluLayers<T>::bytes(const CohortShape& shape) {
  return apply_to(shape) ? shape.most_rows * mask_bytes(shape) + shape.n_delta * sizeof(T) : 0;
}

template <class T>
bool ReluLayers<T>::apply_to(const CohortShape& shape) {
  return mask_bytes(shape) > 0;
}

template <class T>
ReluLayers<T>::ReluLayers(const CohortShape& shape, const CohortTask<T>& task, const Blas& blas)
    : shape_(shape),
      task_(task),
      blas_(&blas),
      handle_(make_lt_handle()),
      masks_(task.most_rows * mask_bytes(shape)),
      other_delta_(shape.n_delta) {
  for (std::uint32_t l = 0; l + 1 < shape_.layers.size(); ++l) {
    if (mask_bytes(shape_, l) > 0) launch_ones(task_, l, shape_.largest_stride, blas.stream().get());
  }
}

template <class T>
ReluMask ReluLayers<T>::mask(std::uint32_t l) const {
  std::size_t first = 0;
  for (std::uint32_t below = 0; below < l; ++below) first += task_.most_rows * mask_bytes(shape_, below);
  return {masks_.get() + first, ReluMask::stride_of(shape_.layers[l].n_out)};
}

template <class T>
std::optional<ReluProduct> ReluLayers<T>::forward_product(std::uint32_t l, std::uint32_t n_rows) const {
  if (mask_bytes(shape_, l) == 0) return std::nullopt;
  const CohortLayer& layer = shape_.layers[l];
  const T* const input = l == 0 ? task_.input : task_.values + layer.values;
  ReluOperands<T> of;
  of.a = {input, layer.columns, 0};
  of.b = {task_.operands + layer.first_parameter, layer.columns, 0};
  of.c = {task_.values + shape_.layers[l + 1].values, layer.stride, 0};
  of.m = n_rows;
  of.n = layer.n_out;
  of.k = layer.columns;
  of.mask = mask(l);
  return ReluProduct::relu(handle_, *blas_, of);
}

template <class T>
std::optional<ReluProduct> ReluLayers<T>::backward_product(std::uint32_t l, std::uint32_t n_rows, const T* delta,
                                                           T* below) const {
  const auto fused = forward_.find({l - 1, n_rows});
  if (fused == forward_.end() || !fused->second) return std::nullopt;
  const CohortLayer& layer = shape_.layers[l];
  ReluOperands<T> of;
  of.a = {delta, layer.stride, 0};
  of.b = {task_.operands + layer.first_parameter, layer.columns, 0};
  of.c = {below, layer.columns, 0};
  of.m = n_rows;
  of.n = layer.n_in;
  of.k = layer.n_out;
  of.mask = mask(l - 1);
  return ReluProduct::where_positive(handle_, *blas_, of);
}

template <class T>
bool ReluLayers<T>::forward(std::uint32_t l, std::uint32_t n_rows) {
  const auto [found, is_new] = forward_.try_emplace({l, n_rows});
  if (is_new) found->second = forward_product(l, n_rows);
  if (found->second) found->second->launch();
  return found->second.has_value();
}

template <class T>
T* ReluLayers<T>::backward(std::uint32_t l, std::uint32_t n_rows, const T* delta) {
  // For a layer and a number of rows delta is always in the same place.
  T* const below = delta == task_.delta ? other_delta_.get() : task_.delta;
  const auto [found, is_new] = backward_.try_emplace({l, n_rows});
  if (is_new) found->second = backward_product(l, n_rows, delta, below);
  if (!found->second) return nullptr;
  found->second->launch();
  return below;
}

template class ReluLayers<float>;
template class ReluLayers<math::Bfloat16>;

}  // namespace shoal::cuda
