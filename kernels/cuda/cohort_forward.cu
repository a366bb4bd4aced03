#include "kernels/cuda/accuracy.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/each.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/math/dropout.hpp"

namespace shoal::cuda {
namespace {

/// Four inputs of a row of the table from the i-th on, scaled; of columns behind the last nothing is read. Rows are
/// aligned where n_in is.
SHOAL_DEVICE Four scaled_inputs(const Rows& rows, std::size_t row, std::uint32_t n_in, std::uint32_t i) {
  Four x{};
  if (n_in % kAtOnce == 0) {
    x = load<kAtOnce>(rows.inputs + row * n_in + i);
    if (rows.offset == nullptr) return x;
    const Four offset = load<kAtOnce>(rows.offset + i);
    const Four factor = load<kAtOnce>(rows.factor + i);
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) x.x[k] = scaled(x.x[k], offset.x[k], factor.x[k], rows.fill + i + k);
    return x;
  }
  SHOAL_UNROLL
  for (std::uint32_t k = 0; k < kAtOnce; ++k) {
    if (i + k < n_in) x.x[k] = scaled_input(rows, row, n_in, i + k);
  }
  return x;
}

template <class T>
SHOAL_KERNEL void gather_kernel(CohortTask<T> task, RowSource from, std::uint32_t n_rows, std::uint32_t columns) {
  struct Loaded {
    Four inputs;
    std::uint32_t row;
  };
  const std::uint32_t* list = from.list;
  if (list == nullptr) {
    list = task.order + static_cast<std::size_t>(task.cursor->epoch) * task.n_training + task.cursor->row;
  }
  const std::uint32_t n_in = task.networks[0].layers[0].n_in;
  Rows table = task.rows;
  if (from.inputs != nullptr) table.inputs = from.inputs;
  each_four_of_part(
      {0, block()}, n_rows * columns,
      [&](std::uint32_t element) {
        const std::uint32_t r = element / columns;
        const std::uint32_t i = element - r * columns;
        const std::uint32_t row = list[r];
        const Four nothing{};
        return Loaded{i < n_in ? scaled_inputs(table, from.inputs != nullptr ? r : row, n_in, i) : nothing, row};
      },
      [&](std::uint32_t element, Loaded loaded) {
        const std::uint32_t r = element / columns;
        const std::uint32_t i = element - r * columns;
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < kAtOnce; ++k) {
          if (i + k == n_in) loaded.inputs.x[k] = 1.0F;
        }
        store_floats(task.input + element, loaded.inputs);
        if (i == 0) task.row[r] = loaded.row;
      });
}

/// Units o to o + 3 of row r after dropout.
SHOAL_DEVICE void drop_units(const math::Dropout& dropout, std::uint32_t l, std::uint32_t first, Four& a) {
  SHOAL_UNROLL
  for (std::uint32_t k = 0; k < kAtOnce; ++k) {
    const float keep = dropout.factor(l, first + k);
    a.x[k] = keep > 0.0F ? a.x[k] * keep : 0.0F;
  }
}

template <class T>
SHOAL_KERNEL void activation_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t n_rows, bool drops,
                                    std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer layer = net.layers[l];
  const NetworkRules& rules = task.rules[part.network];
  const bool dropped = drops && rules.dropout > 0.0;
  const math::Dropout dropout(rules.dropout, rules.seed, task.states[part.network].step);
  const float* const z = task.z + net.z + layer.z;
  T* const a = task.values + net.values + net.layers[l + 1].values;
  each_four_of_part(
      part, n_rows * layer.stride,
      [&](std::uint32_t element) {
        const Four nothing{};
        return element % layer.stride < layer.n_out ? load<kAtOnce>(z + element) : nothing;
      },
      [&](std::uint32_t element, Four four) {
        const std::uint32_t r = element / layer.stride;
        const std::uint32_t o = element - r * layer.stride;
        Four from;
        activate_all<kAtOnce>(layer.activation, four.x, from.x);
        if (dropped) drop_units(dropout, l, r * layer.n_out + o, four);
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < kAtOnce; ++k) {
          if (o + k >= layer.n_out) four.x[k] = o + k == layer.n_out ? 1.0F : 0.0F;
        }
        store_floats(a + element, four);
      });
}

template <class T>
SHOAL_KERNEL void ones_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& layer = net.layers[l];
  T* const a = task.values + net.values + net.layers[l + 1].values;
  each_of_part(part, task.most_rows * layer.stride, [&](std::uint32_t element) {
    a[element] = math::stored_as<T>(element % layer.stride == layer.n_out ? 1.0F : 0.0F);
  });
}

/// What a row adds to its block's sums.
struct RowSums {
  double loss;
  float weight;
  std::uint32_t n_right;
};

/// z and delta: of the row.
template <class T>
SHOAL_DEVICE RowSums finish_row(const CohortTask<T>& task, std::uint32_t network, std::uint32_t r, bool training,
                                std::uint32_t n_out, float* z, float* delta) {
  const NetworkRules& rules = task.rules[network];
  const std::uint32_t row = task.row[r];
  const float loss = output_row(task.rows, task.networks[network].loss, rules, training, row, n_out, z, delta);
  const float weight = training ? training_weight(task.rows, rules, row) : table_weight(task.rows, row);
  if (task.row_loss != nullptr) task.row_loss[static_cast<std::size_t>(network) * task.most_rows + r] = loss;
  const bool counts = !training && task.metric == WatchedMetric::val_accuracy;
  return {static_cast<double>(weight) * static_cast<double>(loss), weight,
          counts ? n_right_of(task.rows, row, n_out, z) : 0U};
}

/// Adds the threads' sums by halves; thread 0 gets the total.
SHOAL_DEVICE void add_up(RowSums* sums) {
  for (std::uint32_t half = n_threads() / 2; half > 0; half /= 2) {
    if (thread() < half) {
      sums[thread()].loss += sums[thread() + half].loss;
      sums[thread()].weight += sums[thread() + half].weight;
      sums[thread()].n_right += sums[thread() + half].n_right;
    }
    barrier();
  }
}

/// A row a thread. Rows come and go through shared memory: a thread that reads its own row from the device's would
/// touch a line of memory for each output (357 MB where 136 are needed, measured on 26 outputs of 262,144 rows).
template <class T>
SHOAL_KERNEL void output_kernel(CohortTask<T> task, std::uint32_t n_rows, bool training, std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& last = net.layers[task.n_layers - 1];
  const std::uint32_t first = part.number * n_threads();
  const std::uint32_t count = n_rows - first < n_threads() ? n_rows - first : n_threads();
  float* const device_z = task.z + net.z + last.z + static_cast<std::size_t>(first) * last.stride;
  const std::size_t device_delta = net.delta + static_cast<std::size_t>(first) * last.stride;

  auto* const sums = dynamic_shared<RowSums>();
  const bool staged = task.blocks.stride != 0;
  const std::uint32_t stride = staged ? task.blocks.stride : last.stride;
  float* const z = staged ? reinterpret_cast<float*>(sums + n_threads()) : device_z;
  float* const delta = staged ? z + n_threads() * stride : task.back + device_delta;
  each(staged ? count * last.stride : 0, [&](std::uint32_t element) {
    const std::uint32_t o = element % last.stride;
    if (o < last.n_out) z[element / last.stride * stride + o] = device_z[element];
  });
  barrier();
  const std::uint32_t own = thread() * stride;
  sums[thread()] = thread() < count
                       ? finish_row(task, part.network, first + thread(), training, last.n_out, z + own, delta + own)
                       : RowSums{0.0, 0.0F, 0U};
  barrier();
  each(count * last.stride, [&](std::uint32_t element) {
    const std::uint32_t r = element / last.stride;
    const std::uint32_t o = element % last.stride;
    if (training) {
      const float d = o < last.n_out ? delta[r * stride + o] * sums[r].weight : 0.0F;
      task.delta[device_delta + element] = math::stored_as<T>(d);
    }
    if (staged && task.row_loss != nullptr && o < last.n_out) device_z[element] = z[r * stride + o];
  });
  barrier();
  add_up(sums);
  if (thread() != 0) return;
  CohortSums& total = task.sums[static_cast<std::size_t>(part.network) * task.n_row_blocks + part.number];
  if (!training) {
    total.val_loss += sums[0].loss;
    total.n_right += sums[0].n_right;
    return;
  }
  total.train_loss += sums[0].loss;
  total.train_weight += static_cast<double>(sums[0].weight);
  total.minibatch_weight = sums[0].weight;
  NetworkState& state = task.states[part.network];
  if (part.number == 0 && is_active(task, state)) begin_step(task.rules[part.network], state);
}

/// What the host asks for of z, which holds all layers of every network.
template <class T>
SHOAL_KERNEL void pack_outputs_kernel(CohortTask<T> task, std::uint32_t n_rows, float* outputs, std::uint32_t stride,
                                      std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& last = net.layers[task.n_layers - 1];
  const float* const z = task.z + net.z + last.z;
  float* const to = outputs + static_cast<std::size_t>(part.network) * n_rows * stride;
  each_of_part(part, n_rows * last.n_out, [&](std::uint32_t element) {
    const std::uint32_t r = element / last.n_out;
    const std::uint32_t o = element % last.n_out;
    to[r * stride + o] = z[r * last.stride + o];
  });
}

}  // namespace

template <class T>
void launch_gather(const CohortTask<T>& task, RowSource from, std::uint32_t n_rows, std::uint32_t columns,
                   cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * columns;
  launch({"gather_kernel", n_parts(n_elements, kElementsInBlock), n_threads_for(n_elements / kAtOnce), 0, stream},
         &gather_kernel<T>, task, from, n_rows, columns);
}

template <class T>
void launch_activation(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_stride,
                       bool drops, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * largest_stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"activation_kernel", task.n_networks * parts, n_threads_for(n_elements / kAtOnce), 0, stream},
         &activation_kernel<T>, task, l, n_rows, drops, parts);
}

template <class T>
void launch_ones(const CohortTask<T>& task, std::uint32_t l, std::uint32_t largest_stride, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{task.most_rows} * largest_stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"ones_kernel", task.n_networks * parts, n_threads_for(n_elements), 0, stream}, &ones_kernel<T>, task, l,
         parts);
}

OutputBlocks output_blocks(std::uint32_t n_outputs) {
  constexpr std::size_t kSharedBytes = 48 * 1024;  // what every GPU gives without being asked
  const std::uint32_t stride = n_outputs | 1U;
  for (std::uint32_t n_rows = kCohortThreads; n_rows >= kWarpLanes; n_rows /= 2) {
    if (n_rows * (sizeof(RowSums) + 2 * stride * sizeof(float)) <= kSharedBytes) return {n_rows, stride};
  }
  return {kCohortThreads, 0};
}

template <class T>
void launch_output(const CohortTask<T>& task, std::uint32_t n_rows, bool training, cudaStream_t stream) {
  const std::uint32_t parts = n_parts(n_rows, task.blocks.n_rows);
  std::uint32_t threads = n_threads_for(n_rows);
  if (threads > task.blocks.n_rows) threads = task.blocks.n_rows;
  const std::size_t shared = threads * (sizeof(RowSums) + 2 * task.blocks.stride * sizeof(float));
  launch({"output_kernel", task.n_networks * parts, threads, shared, stream}, &output_kernel<T>, task, n_rows, training,
         parts);
}

template <class T>
void launch_pack_outputs(const CohortTask<T>& task, std::uint32_t n_rows, float* outputs, std::uint32_t stride,
                         cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"pack_outputs_kernel", task.n_networks * parts, n_threads_for(n_elements), 0, stream},
         &pack_outputs_kernel<T>, task, n_rows, outputs, stride, parts);
}

#define SHOAL_FOR_TYPE(T)                                                                                   \
  template void launch_gather(const CohortTask<T>&, RowSource, std::uint32_t, std::uint32_t, cudaStream_t); \
  template void launch_activation(const CohortTask<T>&, std::uint32_t, std::uint32_t, std::uint32_t, bool,  \
                                  cudaStream_t);                                                            \
  template void launch_ones(const CohortTask<T>&, std::uint32_t, std::uint32_t, cudaStream_t);              \
  template void launch_output(const CohortTask<T>&, std::uint32_t, bool, cudaStream_t);                     \
  template void launch_pack_outputs(const CohortTask<T>&, std::uint32_t, float*, std::uint32_t, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
