#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/math/dropout.hpp"

namespace shoal::cuda {
namespace {

template <class T>
SHOAL_KERNEL void gather_kernel(CohortTask<T> task, RowSource from, std::uint32_t n_rows, std::uint32_t columns) {
  const std::uint32_t* list = from.list;
  if (list == nullptr) {
    list = task.order + static_cast<std::size_t>(task.cursor->epoch) * task.n_training + task.cursor->row;
  }
  const std::uint32_t n_in = task.networks[0].layers[0].n_in;
  const std::uint32_t element = block() * n_threads() + thread();
  if (element >= n_rows * columns) return;
  const std::uint32_t i = element % columns;
  const std::uint32_t row = list[element / columns];
  const float value = i < n_in ? scaled_input(task.rows, row, n_in, i) : i == n_in ? 1.0F : 0.0F;
  task.input[element] = math::stored_as<T>(value);
  if (i == 0) task.row[element / columns] = row;
}

template <class T>
SHOAL_KERNEL void activation_kernel(CohortTask<T> task, std::uint32_t l, std::uint32_t n_rows, bool drops,
                                    std::uint32_t parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer& layer = net.layers[l];
  const NetworkRules& rules = task.rules[part.network];
  const bool dropped = drops && rules.dropout > 0.0;
  const math::Dropout dropout(rules.dropout, rules.seed, task.states[part.network].step);
  const float* const z = task.z + net.z + layer.z;
  T* const a = task.values + net.values + net.layers[l + 1].values;
  each_of_part(part, n_rows * layer.rows, [&](std::uint32_t element) {
    const std::uint32_t o = element % layer.rows;
    float value = o == layer.n_out ? 1.0F : 0.0F;
    if (o < layer.n_out) {
      value = activate(layer.activation, z[element]);
      if (dropped) {
        const float keep = dropout.factor(l, element / layer.rows * layer.n_out + o);
        value = keep > 0.0F ? value * keep : 0.0F;
      }
    }
    a[element] = math::stored_as<T>(value);
  });
}

/// Whether the class that the outputs of a row say is the row's; of several labels, how many are right.
SHOAL_DEVICE std::uint32_t n_right_of(const Rows& rows, std::size_t row, std::uint32_t n_out, const float* outputs) {
  if (rows.labels == nullptr) {
    std::uint32_t right = 0;
    for (std::uint32_t o = 0; o < n_out; ++o) {
      right += (outputs[o] > 0.5F) == (rows.targets[row * n_out + o] > 0.5F) ? 1U : 0U;
    }
    return right;
  }
  std::uint32_t predicted = n_out == 1 && outputs[0] > 0.5F ? 1U : 0U;
  for (std::uint32_t o = 1; o < n_out; ++o) predicted = outputs[o] > outputs[predicted] ? o : predicted;
  return predicted == static_cast<std::uint32_t>(rows.labels[row]) ? 1U : 0U;
}

/// What a row adds to its block's sums.
struct RowSums {
  double loss;
  float weight;
  std::uint32_t n_right;
};

template <class T>
SHOAL_DEVICE RowSums finish_row(const CohortTask<T>& task, std::uint32_t network, std::uint32_t r, bool training) {
  const CohortNetwork& net = task.networks[network];
  const CohortLayer& last = net.layers[task.n_layers - 1];
  const NetworkRules& rules = task.rules[network];
  const std::uint32_t row = task.row[r];
  float* const z = task.z + net.z + last.z + static_cast<std::size_t>(r) * last.rows;
  const std::size_t at = net.delta + static_cast<std::size_t>(r) * last.rows;
  const float loss = output_row(task.rows, net.loss, rules, training, row, last.n_out, z, task.back + at);
  const float weight = training ? training_weight(task.rows, rules, row) : table_weight(task.rows, row);
  if (task.row_loss != nullptr) task.row_loss[static_cast<std::size_t>(network) * task.most_rows + r] = loss;
  for (std::uint32_t o = 0; training && o < last.rows; ++o) {
    task.delta[at + o] = math::stored_as<T>(o < last.n_out ? task.back[at + o] * weight : 0.0F);
  }
  const bool counts = !training && task.metric == WatchedMetric::val_accuracy;
  return {static_cast<double>(weight) * static_cast<double>(loss), weight,
          counts ? n_right_of(task.rows, row, last.n_out, z) : 0U};
}

/// A row a thread; their sums are added by halves.
static_assert(kRowsInBlock == kCohortThreads);
template <class T>
SHOAL_KERNEL void output_kernel(CohortTask<T> task, std::uint32_t n_rows, bool training, std::uint32_t parts) {
  const Part part = part_of(parts);
  auto* const sums = dynamic_shared<RowSums>();
  const std::uint32_t r = part.number * kRowsInBlock + thread();
  sums[thread()] = r < n_rows ? finish_row(task, part.network, r, training) : RowSums{0.0, 0.0F, 0U};
  barrier();
  for (std::uint32_t half = n_threads() / 2; half > 0; half /= 2) {
    if (thread() < half) {
      sums[thread()].loss += sums[thread() + half].loss;
      sums[thread()].weight += sums[thread() + half].weight;
      sums[thread()].n_right += sums[thread() + half].n_right;
    }
    barrier();
  }
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

}  // namespace

template <class T>
void launch_gather(const CohortTask<T>& task, RowSource from, std::uint32_t n_rows, std::uint32_t columns,
                   cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * columns;
  const std::uint32_t threads = n_threads_for(n_elements);
  launch({"gather_kernel", n_parts(n_elements, threads), threads, 0, stream}, &gather_kernel<T>, task, from, n_rows,
         columns);
}

template <class T>
void launch_activation(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_rows,
                       bool drops, cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * largest_rows;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"activation_kernel", task.n_networks * parts, n_threads_for(n_elements), 0, stream}, &activation_kernel<T>,
         task, l, n_rows, drops, parts);
}

template <class T>
void launch_output(const CohortTask<T>& task, std::uint32_t n_rows, bool training, cudaStream_t stream) {
  const std::uint32_t parts = n_parts(n_rows, kRowsInBlock);
  const std::uint32_t threads = n_threads_for(n_rows);
  launch({"output_kernel", task.n_networks * parts, threads, threads * sizeof(RowSums), stream}, &output_kernel<T>,
         task, n_rows, training, parts);
}

#define SHOAL_FOR_TYPE(T)                                                                                   \
  template void launch_gather(const CohortTask<T>&, RowSource, std::uint32_t, std::uint32_t, cudaStream_t); \
  template void launch_activation(const CohortTask<T>&, std::uint32_t, std::uint32_t, std::uint32_t, bool,  \
                                  cudaStream_t);                                                            \
  template void launch_output(const CohortTask<T>&, std::uint32_t, bool, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
