#include "kernels/cuda/cohort_gradient.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/math/dropout.hpp"

namespace shoal::cuda {
namespace {

/// Whether f' is taken from the stored activation instead of z, so that only one of them is read: where it is f(z) to
/// the last bit, or where its sign alone is asked for. ReLU's keeps its sign where units are dropped, too, and z of
/// its layer may not be in memory (ReluLayers).
template <class T>
SHOAL_DEVICE bool derives_from_stored(Act act, bool dropped) {
  if (act == Act::relu) return true;
  return !dropped && (act == Act::leaky_relu || (sizeof(T) == sizeof(float) && !math::stores_slope(act)));
}

/// delta = dloss/da * f'.
template <class T>
SHOAL_KERNEL void derivative_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t n_rows, bool drops,
                                    std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& layer = net.layers[l];
  const NetworkRules& rules = task.rules[part.network];
  const bool dropped = drops && rules.dropout > 0.0;
  const bool from_stored = derives_from_stored<T>(layer.activation, dropped);
  // output_kernel has begun the step.
  const math::Dropout dropout(rules.dropout, rules.seed, task.states[part.network].step - 1);
  const float* const z = task.z + net.z + layer.z;
  const T* const a = task.values + net.values + net.layers[l + 1].values;
  each_of_part(part, n_rows * layer.stride, [&](std::uint32_t element) {
    const std::uint32_t o = element % layer.stride;
    float e = 0.0F;
    if (o < layer.n_out) {
      const float from = from_stored
                             ? math::to_float(a[element])
                             : derive_from(layer.activation, z[element], activate(layer.activation, z[element]));
      e = derive(layer.activation, from, task.back[net.delta + element]);
      if (dropped) {
        const float keep = dropout.factor(l, element / layer.stride * layer.n_out + o);
        e = keep > 0.0F ? e * keep : 0.0F;
      }
    }
    task.delta[net.delta + element] = math::stored_as<T>(e);
  });
}

/// A parameter that is no padding, and where it stands.
struct Place {
  std::uint32_t layer;
  bool is_real, is_bias;
};

/// Of parameter p, in a layer not before `layer`.
SHOAL_DEVICE Place place_of(const CohortNetwork& net, std::uint32_t p, std::uint32_t layer) {
  while (p >= net.layers[layer].first_parameter + net.layers[layer].rows * net.layers[layer].columns) ++layer;
  const CohortLayer& in = net.layers[layer];
  const std::uint32_t row = (p - in.first_parameter) / in.columns;
  const std::uint32_t column = (p - in.first_parameter) % in.columns;
  return {layer, row < in.n_out && column <= in.n_in, column == in.n_in};
}

template <class T>
SHOAL_KERNEL void norm_kernel(CohortTask<T> task, std::uint32_t n_rows) {
  const std::uint32_t network = block();
  const CohortNetwork& net = task.networks[network];
  const double clip_norm = task.rules[network].clip_norm;
  auto* const squares = dynamic_shared<double>();
  const float inverse = minibatch_inverse(task, network, n_rows);
  double sum = 0.0;
  std::uint32_t layer = 0;
  for (std::uint32_t p = thread(); clip_norm > 0.0 && p < net.n_parameters; p += n_threads()) {
    const Place place = place_of(net, p, layer);
    layer = place.layer;
    if (!place.is_real) continue;
    const auto g = static_cast<double>(gradient_of(task, network, net.parameters + p, place.is_bias, inverse));
    sum += g * g;
  }
  squares[thread()] = sum;
  barrier();
  for (std::uint32_t half = n_threads() / 2; half > 0; half /= 2) {
    if (thread() < half) squares[thread()] += squares[thread() + half];
    barrier();
  }
  const double norm = ::sqrt(squares[0]);
  if (thread() == 0) task.shortened[network] = norm > clip_norm ? static_cast<float>(clip_norm / norm) : 1.0F;
}

/// Whether a parameter's step does not depend on where it stands: finding out costs more than the step.
SHOAL_DEVICE bool treats_all_alike(const NetworkRules& rules) {
  return rules.penalty == 0.0F && rules.l1 == 0.0F && rules.decay == 0.0 && rules.layer_rate == 1.0;
}

template <class T>
SHOAL_KERNEL void update_kernel(CohortTask<T> task, std::uint32_t n_rows, std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const NetworkRules& rules = task.rules[part.network];
  const NetworkState& state = task.states[part.network];
  if (is_active(task, state)) {
    const float rate = epoch_rate(
        rules.epoch, state, task.rates + static_cast<std::size_t>(task.cursor->epoch) * task.n_networks + part.network);
    const float inverse = minibatch_inverse(task, part.network, n_rows);
    const float shortened = rules.clip_norm > 0.0 ? task.shortened[part.network] : 1.0F;
    const Parameters parameters{task.weights, task.first_moment, task.second_moment};
    const auto step = [&](std::size_t p, bool is_bias, const Rates& rates) {
      float g = gradient_of(task, part.network, p, is_bias, inverse);
      if (rules.clip_norm > 0.0) g *= shortened;
      update(rules, net.solver, rates, is_bias, g, p, parameters);
      if constexpr (sizeof(T) != sizeof(float)) task.operands[p] = math::stored_as<T>(task.weights[p]);
    };
    if (treats_all_alike(rules)) {
      // Padding has gradients of 0 and stays 0.
      const Rates rates = layer_rates(rules, state, net.solver, rate, 0);
      each_of_part(part, net.n_parameters, [&](std::uint32_t p) { step(net.parameters + p, true, rates); });
    } else {
      std::uint32_t layer = 0;
      std::uint32_t layer_of_rates = UINT32_MAX;
      Rates rates{};
      each_of_part(part, net.n_parameters, [&](std::uint32_t p) {
        const Place place = place_of(net, p, layer);
        layer = place.layer;
        if (!place.is_real) return;
        if (layer != layer_of_rates) rates = layer_rates(rules, state, net.solver, rate, task.n_layers - 1 - layer);
        layer_of_rates = layer;
        step(net.parameters + p, place.is_bias, rates);
      });
    }
  }
  if (block() == 0 && thread() == 0) task.cursor->row += n_rows;
}

template <class T>
SHOAL_KERNEL void finish_gradient_kernel(CohortTask<T> task, std::uint32_t n_rows) {
  const std::uint32_t network = block();
  const CohortNetwork& net = task.networks[network];
  const float inverse = minibatch_inverse(task, network, n_rows);
  for (std::uint32_t p = thread(); p < net.n_parameters; p += n_threads()) {
    const Place place = place_of(net, p, 0);
    const std::size_t at = net.parameters + p;
    if (place.is_real) task.gradient[at] = gradient_of(task, network, at, place.is_bias, inverse);
  }
}

}  // namespace

template <class T>
void launch_derivative(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_stride,
                       bool drops, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * largest_stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"derivative_kernel", task.n_networks * parts, n_threads_for(n_elements), 0, stream}, &derivative_kernel<T>,
         task, l, n_rows, drops, parts);
}

template <class T>
void launch_norm(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                 cudaStream_t stream) {
  const std::uint32_t threads = n_threads_for(largest_parameters);
  launch({"norm_kernel", task.n_networks, threads, threads * sizeof(double), stream}, &norm_kernel<T>, task, n_rows);
}

template <class T>
void launch_update(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                   cudaStream_t stream) {
  const std::uint32_t parts = n_parts(largest_parameters, kElementsInBlock);
  launch({"update_kernel", task.n_networks * parts, n_threads_for(largest_parameters), 0, stream}, &update_kernel<T>,
         task, n_rows, parts);
}

template <class T>
void launch_finish_gradient(const CohortTask<T>& task, std::uint32_t n_rows, cudaStream_t stream) {
  launch({"finish_gradient_kernel", task.n_networks, kCohortThreads, 0, stream}, &finish_gradient_kernel<T>, task,
         n_rows);
}

#define SHOAL_FOR_TYPE(T)                                                                                  \
  template void launch_derivative(const CohortTask<T>&, std::uint32_t, std::uint32_t, std::uint32_t, bool, \
                                  cudaStream_t);                                                           \
  template void launch_norm(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);             \
  template void launch_update(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);           \
  template void launch_finish_gradient(const CohortTask<T>&, std::uint32_t, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
