#include "kernels/cuda/accuracy.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/optimizer_step.cuh"

namespace shoal::cuda {
namespace {

/// What a row adds to its block's sums.
struct RowSums {
  double loss;
  float weight;
  std::uint32_t n_right;
};

/// z and delta: of the row. Complete in the first of its lanes.
template <class T>
SHOAL_DEVICE RowSums finish_row(const CohortTask<T>& task, std::uint32_t network, std::uint32_t r, bool training,
                                std::uint32_t n_out, float* z, float* delta, const RowLanes& lanes) {
  const NetworkRules& rules = task.rules[network];
  const std::uint32_t row = task.row[r];
  const float loss = output_row(task.rows, task.networks[network].loss, rules, training, row, n_out, z, delta, lanes);
  const float weight = training ? training_weight(task.rows, rules, row) : table_weight(task.rows, row);
  const bool counts = !training && task.metric == WatchedMetric::val_accuracy;
  if (counts) lanes.meet();
  if (lanes.first != 0) return {0.0, 0.0F, 0U};
  if (task.row_loss != nullptr) task.row_loss[static_cast<std::size_t>(network) * task.most_rows + r] = loss;
  return {static_cast<double>(weight) * static_cast<double>(loss), weight,
          counts ? n_right_of(task.rows, row, n_out, z) : 0U};
}

/// Adds n sums by halves; thread 0 gets the total. n: a power of two.
SHOAL_DEVICE void add_up(RowSums* sums, std::uint32_t n) {
  for (std::uint32_t half = n / 2; half > 0; half /= 2) {
    if (thread() < half) {
      sums[thread()].loss += sums[thread() + half].loss;
      sums[thread()].weight += sums[thread() + half].weight;
      sums[thread()].n_right += sums[thread() + half].n_right;
    }
    barrier();
  }
}

/// work(row, output, first of four elements) for all fours of n_rows rows, spread over the block.
template <class Work>
SHOAL_DEVICE void each_four_of_rows(std::uint32_t n_rows, const CohortLayer& layer, Work work) {
  for (std::uint32_t i = kAtOnce * thread(); i < n_rows * layer.stride; i += kAtOnce * n_threads()) {
    const auto [r, o] = place_of_four(i, layer.fours_in_stride);
    work(r, o, i);
  }
}

/// Some lanes a row. Rows come and go through shared memory: lanes that read their own row from the device's would
/// touch a line of memory for each output (357 MB where 136 are needed, measured on 26 outputs of 262,144 rows).
template <class T>
SHOAL_KERNEL void output_kernel(CohortTask<T> task, std::uint32_t n_rows, bool training, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const CohortLayer last = net.layers[task.n_layers - 1];
  const std::uint32_t n_lanes = task.blocks.n_lanes;
  const std::uint32_t rows_in_block = n_threads() / n_lanes;
  const std::uint32_t first = part.number * rows_in_block;
  const std::uint32_t count = n_rows - first < rows_in_block ? n_rows - first : rows_in_block;
  float* const device_z = task.z + net.z + last.z + static_cast<std::size_t>(first) * last.stride;
  const std::size_t device_delta = net.delta + last.delta + static_cast<std::size_t>(first) * last.stride;

  auto* const sums = dynamic_shared<RowSums>();
  const bool staged = task.blocks.stride != 0;
  const std::uint32_t stride = staged ? task.blocks.stride : last.stride;
  float* const z = staged ? reinterpret_cast<float*>(sums + rows_in_block) : device_z;
  float* const delta = staged ? z + rows_in_block * stride : task.back + device_delta;
  each_four_of_rows(staged ? count : 0, last, [&](std::uint32_t r, std::uint32_t o, std::uint32_t element) {
    const Four four = load<kAtOnce>(device_z + element);
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) {
      if (o + k < last.n_out) z[r * stride + o + k] = four.x[k];
    }
  });
  barrier();
  const std::uint32_t own = thread() / n_lanes;
  if (own < count) {
    const std::uint32_t n_in_use = count * n_lanes - (thread() - lane());
    const RowLanes lanes{thread() % n_lanes, n_lanes, n_in_use < kWarpLanes ? (1U << n_in_use) - 1 : kFullWarp};
    const RowSums of_row = finish_row(task, part.network, first + own, training, last.n_out, z + own * stride,
                                      delta + own * stride, lanes);
    if (lanes.first == 0) sums[own] = of_row;
  } else if (thread() % n_lanes == 0) {
    sums[own] = {0.0, 0.0F, 0U};
  }
  barrier();
  const bool keeps_outputs = staged && task.row_loss != nullptr;
  each_four_of_rows(count, last, [&](std::uint32_t r, std::uint32_t o, std::uint32_t element) {
    Four d{};
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kAtOnce; ++k) {
      if (o + k >= last.n_out) break;
      if (training) d.x[k] = delta[r * stride + o + k] * sums[r].weight;
      if (keeps_outputs) device_z[element + k] = z[r * stride + o + k];
    }
    if (training) store_floats(task.delta + device_delta + element, d);
  });
  barrier();
  add_up(sums, rows_in_block);
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
                                      WideDivisor parts) {
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

OutputBlocks output_blocks(std::uint32_t n_outputs) {
  constexpr std::uint32_t kFewLanes = 4;
  constexpr std::uint32_t kManyOutputs = 64;
  const std::uint32_t n_lanes = n_outputs < kFewLanes ? 1 : n_outputs <= kManyOutputs ? kFewLanes : kWarpLanes;
  // Few rows, so that one network's are blocks for a whole GPU.
  const std::uint32_t n_rows = kCohortThreads / (n_lanes < kFewLanes ? kFewLanes : n_lanes);
  const std::uint32_t stride = n_outputs | 1U;
  const bool fits = n_rows * (sizeof(RowSums) + 2 * stride * sizeof(float)) <= kUsualSharedBytes;
  return {n_rows, fits ? stride : 0, n_lanes};
}

template <class T>
void launch_output(const CohortTask<T>& task, std::uint32_t n_rows, bool training, cudaStream_t stream) {
  const OutputBlocks& blocks = task.blocks;
  const std::uint32_t parts = n_parts(n_rows, blocks.n_rows);
  const std::uint32_t rows_in_block = n_rows < blocks.n_rows ? n_rows : blocks.n_rows;
  const std::uint32_t threads = n_threads_for(std::uint64_t{rows_in_block} * blocks.n_lanes);
  const std::size_t shared = threads / blocks.n_lanes * (sizeof(RowSums) + 2 * blocks.stride * sizeof(float));
  launch({"output_kernel", n_blocks(task.n_networks, parts), threads, shared, stream}, &output_kernel<T>, task, n_rows,
         training, WideDivisor(parts));
}

template <class T>
void launch_pack_outputs(const CohortTask<T>& task, std::uint32_t n_rows, float* outputs, std::uint32_t stride,
                         cudaStream_t stream) {
  const std::uint64_t n_elements = std::uint64_t{n_rows} * stride;
  const std::uint32_t parts = n_parts(n_elements, kElementsInBlock);
  launch({"pack_outputs_kernel", n_blocks(task.n_networks, parts), n_threads_for(n_elements), 0, stream},
         &pack_outputs_kernel<T>, task, n_rows, outputs, stride, WideDivisor(parts));
}

#define SHOAL_FOR_TYPE(T)                                                               \
  template void launch_output(const CohortTask<T>&, std::uint32_t, bool, cudaStream_t); \
  template void launch_pack_outputs(const CohortTask<T>&, std::uint32_t, float*, std::uint32_t, cudaStream_t);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
