#include "engine/cuda/relu_layers.hpp"

namespace shoal::cuda {
namespace {

bool is_hidden_relu(const CohortShape& shape, std::size_t l) {
  return l + 1 < shape.layers.size() && shape.layers[l].activation == Act::relu;
}

}  // namespace

template <class T>
bool ReluLayers<T>::apply_to(const CohortShape& shape) {
  for (std::size_t l = 0; l < shape.layers.size(); ++l) {
    if (is_hidden_relu(shape, l)) return true;
  }
  return false;
}

template <class T>
ReluLayers<T>::ReluLayers(const CohortShape& shape, const CohortTask<T>& task, const Blas& blas)
    : shape_(shape), task_(task), blas_(&blas), handle_(make_lt_handle()) {
  for (std::uint32_t l = 0; l < shape_.layers.size(); ++l) {
    if (is_hidden_relu(shape_, l)) launch_ones(task_, l, shape_.largest_stride, blas.stream().get());
  }
}

template <class T>
std::optional<ReluProduct> ReluLayers<T>::product(std::uint32_t l, std::uint32_t n_rows) const {
  if (!is_hidden_relu(shape_, l)) return std::nullopt;
  const CohortLayer& layer = shape_.layers[l];
  const T* const input = l == 0 ? task_.input : task_.values + layer.values;
  ReluOperands<T> of;
  of.a = {input, layer.columns, 0};
  of.b = {task_.operands + layer.first_parameter, layer.columns, 0};
  of.c = {task_.values + shape_.layers[l + 1].values, layer.stride, 0};
  of.m = n_rows;
  of.n = layer.n_out;
  of.k = layer.columns;
  return ReluProduct::find(handle_, *blas_, of);
}

template <class T>
bool ReluLayers<T>::forward(std::uint32_t l, std::uint32_t n_rows) {
  const auto [found, is_new] = products_.try_emplace({l, n_rows});
  if (is_new) found->second = product(l, n_rows);
  if (found->second) found->second->launch();
  return found->second.has_value();
}

template class ReluLayers<float>;
template class ReluLayers<math::Bfloat16>;

}  // namespace shoal::cuda
