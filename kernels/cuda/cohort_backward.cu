#include "kernels/cuda/cohort_gradient.cuh"
#include "kernels/cuda/cohort_parts.cuh"

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

/// Takes dloss/da of a hidden layer's units to dloss/dz, four units of a row at a time.
template <class T, bool kDrops>
class HiddenDerivative {
 public:
  SHOAL_DEVICE HiddenDerivative(const CohortTask<T>& task, std::uint32_t network, std::uint32_t l)
      : layer_(task.networks[network].layers[l]),
        l_(l),
        dropped_(kDrops && task.rules[network].dropout > 0.0),
        from_stored_(derives_from_stored<T>(layer_.activation, dropped_)),
        // output_kernel has begun the step.
        dropout_(dropout_of(task, network, kDrops, 1)),
        z_(task.z + task.networks[network].z + layer_.z),
        a_(task.values + task.networks[network].values + task.networks[network].layers[l + 1].values) {}

  [[nodiscard]] SHOAL_DEVICE const CohortLayer& layer() const { return layer_; }
  /// What the derivatives at `element` of the layer are taken from.
  [[nodiscard]] SHOAL_DEVICE Four source(std::uint32_t element) const {
    return from_stored_ ? load_floats(a_ + element) : load<kAtOnce>(z_ + element);
  }
  /// Of units o to o + 3 of row r; padding becomes 0.
  SHOAL_DEVICE void apply(std::uint32_t r, std::uint32_t o, Four source, Four& e) const {
    Four from = source;
    if (!from_stored_) activate_all<kAtOnce>(layer_.activation, source.x, from.x);
    derive_all(layer_.activation, from.x, e.x);
    if (dropped_) drop(r * layer_.n_out + o, e);
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) {
      if (o + k >= layer_.n_out) e.x[k] = 0.0F;
    }
  }

 private:
  SHOAL_DEVICE void drop(std::uint32_t first, Four& e) const {
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) {
      // ReLU's derivative is 0 already where a unit is dropped, for it is taken from what dropout left.
      const float keep = layer_.activation == Act::relu ? dropout_.scale : dropout_.factor(l_, first + k);
      e.x[k] = keep > 0.0F ? e.x[k] * keep : 0.0F;
    }
  }

  CohortLayer layer_;
  std::uint32_t l_;
  bool dropped_, from_stored_;
  math::Dropout dropout_;
  const float* z_;
  const T* a_;
};

/// delta = dloss/da * f'.
template <class T, bool kDrops>
SHOAL_KERNEL void derivative_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t n_rows, WideDivisor parts) {
  struct Loaded {
    Four back, source;
  };
  const Part part = part_of(parts);
  const std::size_t first = task.networks[part.network].delta;
  const HiddenDerivative<T, kDrops> derivative(task, part.network, l);
  const CohortLayer& layer = derivative.layer();
  each_four_of_part(
      part, n_rows * layer.stride,
      [&](std::uint32_t element) {
        const Loaded nothing{};
        if (place_of_four(element, layer.fours_in_stride).column >= layer.n_out) return nothing;
        return Loaded{load<kAtOnce>(task.back + first + element), derivative.source(element)};
      },
      [&](std::uint32_t element, Loaded loaded) {
        const auto [r, o] = place_of_four(element, layer.fours_in_stride);
        derivative.apply(r, o, loaded.source, loaded.back);
        store_floats(task.delta + first + element, loaded.back);
      });
}

/// Rows of a thread's patch, whose columns are kAtOnce of W.
constexpr std::uint32_t kPatchRows = 4;

/// A patch of delta [W] of the last layer: each element is one accumulator that runs through the outputs in ascending
/// order. delta, weights: the patch's rows and columns of them. The padding of both is zeros.
template <class T>
SHOAL_DEVICE void multiply_patch(const CohortLayer& last, const T* (&delta)[kPatchRows], const T* weights,
                                 Four (&sum)[kPatchRows]) {
  for (std::uint32_t first = 0; first < last.n_out; first += kAtOnce) {
    Four d[kPatchRows];
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kPatchRows; ++m) d[m] = load_floats(delta[m] + first);
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) {
      const Four w = load_floats(weights + static_cast<std::size_t>(first + k) * last.columns);
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kPatchRows; ++m) {
        SHOAL_UNROLL
        for (std::uint32_t n = 0; n < kAtOnce; ++n) sum[m].x[n] = math::scalar::fma(w.x[n], d[m].x[k], sum[m].x[n]);
      }
    }
  }
}

/// A patch a thread; neighbours have neighbouring columns of the same rows, so that a warp reads what the derivative is
/// taken from in whole lines and each delta once. Reads and writes what derivative_kernel would, but dloss/da.
template <class T, bool kDrops>
SHOAL_KERNEL void narrow_derivative_kernel(CohortTask<T> task, std::uint32_t n_rows, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer last = net.layers[task.n_layers - 1];
  const HiddenDerivative<T, kDrops> derivative(task, part.network, task.n_layers - 2);
  const CohortLayer& layer = derivative.layer();
  const auto [patch, four] = layer.fours_in_stride.split(part.number * n_threads() + thread());
  if (patch >= n_parts(n_rows, kPatchRows)) return;
  const std::uint32_t first_row = patch * kPatchRows;
  const std::uint32_t o = four * kAtOnce;
  T* const below = task.delta + net.delta + layer.delta;
  const T* delta[kPatchRows];
  Four source[kPatchRows];
  Four sum[kPatchRows] = {};
  SHOAL_UNROLL
  for (std::uint32_t m = 0; m < kPatchRows; ++m) {
    const std::uint32_t r = first_row + m < n_rows ? first_row + m : first_row;
    delta[m] = task.delta + net.delta + last.delta + static_cast<std::size_t>(r) * last.stride;
    source[m] = o < layer.n_out ? derivative.source(r * layer.stride + o) : Four{};
  }
  if (o < layer.n_out) multiply_patch(last, delta, task.operands + net.parameters + last.first_parameter + o, sum);
  SHOAL_UNROLL
  for (std::uint32_t m = 0; m < kPatchRows; ++m) {
    const std::uint32_t r = first_row + m;
    if (r >= n_rows) break;
    derivative.apply(r, o, source[m], sum[m]);
    store_floats(below + r * layer.stride + o, sum[m]);
  }
}

/// Where a parameter stands, and whether it is no padding.
struct Place {
  std::uint32_t layer, column;
  bool is_real, is_bias;
};

/// Of parameter p, in a layer not before `layer`.
SHOAL_DEVICE Place place_of(const CohortNetwork& net, std::uint32_t p, std::uint32_t layer) {
  while (p >= net.layers[layer].first_parameter + net.layers[layer].rows * net.layers[layer].columns) ++layer;
  const CohortLayer& in = net.layers[layer];
  const auto [row, first] = place_of_four(p - in.first_parameter, in.fours_in_columns);
  const std::uint32_t column = first + (p - in.first_parameter) % kAtOnce;
  return {layer, column, row < in.n_out && column <= in.n_in, column == in.n_in};
}

/// Whether a step of a bias is not what a weight's would be. Finding out which parameters are biases costs as much as
/// the step where it is asked of each.
SHOAL_DEVICE bool spares_biases(const NetworkRules& rules) {
  return rules.penalty != 0.0F || rules.l1 != 0.0F || rules.decay != 0.0;
}

/// Which of the four parameters from p on, all of one row, is a bias; beyond them where none is.
SHOAL_DEVICE std::uint32_t bias_among(const CohortNetwork& net, std::uint32_t p) {
  const Place place = place_of(net, p, 0);
  return net.layers[place.layer].n_in - place.column;
}

/// Of all parameters, with padding, whose gradients are 0.
template <class T>
SHOAL_KERNEL void norm_kernel(CohortTask<T> task, std::uint32_t n_rows) {
  struct Loaded {
    Four gradient, weights;
  };
  const std::uint32_t network = block();
  const CohortNetwork& net = task.networks[network];
  const NetworkRules& rules = task.rules[network];
  auto* const squares = dynamic_shared<double>();
  const float inverse = minibatch_inverse(task, network, n_rows);
  const bool spares = spares_biases(rules);
  const std::uint32_t n_here = rules.clip_norm > 0.0 ? net.n_parameters : 0;
  double sum = 0.0;
  for (std::uint32_t number = 0; number < n_parts(n_here, kElementsInBlock); ++number) {
    each_four_of_part(
        {network, number}, n_here,
        [&](std::uint32_t p) {
          const std::size_t at = net.parameters + p;
          return Loaded{load<kAtOnce>(task.gradient + at), load<kAtOnce>(task.weights + at)};
        },
        [&](std::uint32_t p, const Loaded& of) {
          const std::uint32_t bias = spares ? bias_among(net, p) : kAtOnce;
          SHOAL_UNROLL
          for (std::uint32_t k = 0; k < kAtOnce; ++k) {
            const auto g =
                static_cast<double>(finished_gradient(of.gradient.x[k], of.weights.x[k], k == bias, rules, inverse));
            sum += g * g;
          }
        });
  }
  squares[thread()] = sum;
  barrier();
  for (std::uint32_t half = n_threads() / 2; half > 0; half /= 2) {
    if (thread() < half) squares[thread()] += squares[thread() + half];
    barrier();
  }
  const double norm = ::sqrt(squares[0]);
  if (thread() == 0)
    task.shortened[network] = norm > rules.clip_norm ? static_cast<float>(rules.clip_norm / norm) : 1.0F;
}

/// The steps of a network whose layers have one rate, its padding included, whose gradients are 0 and which stays 0.
template <class T>
SHOAL_DEVICE void update_fours(const CohortTask<T>& task, const Part& part, const Rates& rates, float inverse,
                               float shortened) {
  struct Loaded {
    Four gradient, weights, first_moment, second_moment;
  };
  const CohortNetwork& net = task.networks[part.network];
  const NetworkRules& rules = task.rules[part.network];
  const SolverKind solver = net.solver;
  const std::size_t first = net.parameters;
  const bool clips = rules.clip_norm > 0.0;
  const bool has_first_moment = rules.has_first_moment;
  const bool has_second_moment = solver != SolverKind::sgd;
  const bool spares = spares_biases(rules);
  each_four_of_part(
      part, net.n_parameters,
      [&](std::uint32_t p) {
        const Four nothing{};
        const std::size_t at = first + p;
        return Loaded{load<kAtOnce>(task.gradient + at), load<kAtOnce>(task.weights + at),
                      has_first_moment ? load<kAtOnce>(task.first_moment + at) : nothing,
                      has_second_moment ? load<kAtOnce>(task.second_moment + at) : nothing};
      },
      [&](std::uint32_t p, Loaded of) {
        const std::uint32_t bias = spares ? bias_among(net, p) : kAtOnce;
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < kAtOnce; ++k) {
          float g = finished_gradient(of.gradient.x[k], of.weights.x[k], k == bias, rules, inverse);
          if (clips) g *= shortened;
          update(rules, solver, rates, k == bias, g, k, {of.weights.x, of.first_moment.x, of.second_moment.x});
        }
        const std::size_t at = first + p;
        store(task.weights + at, of.weights);
        if (has_first_moment) store(task.first_moment + at, of.first_moment);
        if (has_second_moment) store(task.second_moment + at, of.second_moment);
        if constexpr (sizeof(T) != sizeof(float)) store_floats(task.operands + at, of.weights);
      });
}

/// Four blocks hide what memory takes; whether a parameter is a bias would take registers of one of them.
template <class T>
SHOAL_KERNEL_OF(kCohortThreads, 4)
void update_kernel(CohortTask<T> task, std::uint32_t n_rows, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const NetworkRules& rules = task.rules[part.network];
  const NetworkState& state = task.states[part.network];
  if (is_active(task, state)) {
    const float rate = epoch_rate(
        rules.epoch, state, task.rates + static_cast<std::size_t>(task.cursor->epoch) * task.n_networks + part.network);
    const float inverse = minibatch_inverse(task, part.network, n_rows);
    const float shortened = rules.clip_norm > 0.0 ? task.shortened[part.network] : 1.0F;
    if (rules.layer_rate == 1.0) {
      update_fours(task, part, layer_rates(rules, state, net.solver, rate, 0), inverse, shortened);
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
        const std::size_t at = net.parameters + p;
        float g = gradient_of(task, part.network, at, place.is_bias, inverse);
        if (rules.clip_norm > 0.0) g *= shortened;
        update(rules, net.solver, rates, place.is_bias, g, at, {task.weights, task.first_moment, task.second_moment});
        if constexpr (sizeof(T) != sizeof(float)) task.operands[at] = math::stored_as<T>(task.weights[at]);
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
  launch({"derivative_kernel", n_blocks(task.n_networks, parts), n_threads_for(n_elements / kAtOnce), 0, stream},
         drops ? &derivative_kernel<T, true> : &derivative_kernel<T, false>, task, l, n_rows, WideDivisor(parts));
}

template <class T>
void launch_narrow_derivative(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_stride, bool drops,
                              cudaStream_t stream) {
  const std::uint64_t n_patches = std::uint64_t{n_parts(n_rows, kPatchRows)} * (largest_stride / kAtOnce);
  const std::uint32_t threads = n_threads_for(n_patches);
  const std::uint32_t parts = n_parts(n_patches, threads);
  launch({"narrow_derivative_kernel", n_blocks(task.n_networks, parts), threads, 0, stream},
         drops ? &narrow_derivative_kernel<T, true> : &narrow_derivative_kernel<T, false>, task, n_rows,
         WideDivisor(parts));
}

template <class T>
void launch_norm(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                 cudaStream_t stream) {
  const std::uint32_t threads = n_threads_for(largest_parameters / kAtOnce);
  launch({"norm_kernel", task.n_networks, threads, threads * sizeof(double), stream}, &norm_kernel<T>, task, n_rows);
}

template <class T>
void launch_update(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                   cudaStream_t stream) {
  const std::uint32_t parts = n_parts(largest_parameters, kElementsInBlock);
  launch({"update_kernel", n_blocks(task.n_networks, parts), n_threads_for(largest_parameters / kAtOnce), 0, stream},
         &update_kernel<T>, task, n_rows, WideDivisor(parts));
}

template <class T>
void launch_finish_gradient(const CohortTask<T>& task, std::uint32_t n_rows, cudaStream_t stream) {
  launch({"finish_gradient_kernel", task.n_networks, kCohortThreads, 0, stream}, &finish_gradient_kernel<T>, task,
         n_rows);
}

#define SHOAL_FOR_TYPE(T)                                                                                         \
  template void launch_derivative(const CohortTask<T>&, std::uint32_t, std::uint32_t, std::uint32_t, bool,        \
                                  cudaStream_t);                                                                  \
  template void launch_narrow_derivative(const CohortTask<T>&, std::uint32_t, std::uint32_t, bool, cudaStream_t); \
  template void launch_norm(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);                    \
  template void launch_update(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);                  \
  template void launch_finish_gradient(const CohortTask<T>&, std::uint32_t, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
