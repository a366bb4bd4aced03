#include "kernels/cuda/block_per_network.cuh"
#include "kernels/cuda/minibatch.cuh"
#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/cuda/probe.cuh"

namespace shoal::cuda {
namespace {

constexpr std::uint32_t kProbeThreads = 128;

/// What is asked for of the tile whose first row is number `first`.
SHOAL_DEVICE void write_tile(const ProbeTask& task, const Tile& tile, std::uint32_t first) {
  std::uint32_t first_unit = 0;
  for (std::uint32_t l = 0; l < task.shape.n_layers; ++l) {
    const Layer& layer = task.shape.layers[l];
    each(tile.n_rows * layer.n_out, [&](std::uint32_t element) {
      const std::size_t row = first + element / layer.n_out;
      const std::uint32_t o = element % layer.n_out;
      const float a = tile.values[layer.output + element / layer.n_out * layer.output_stride + o];
      if (task.a != nullptr) task.a[row * task.n_units + first_unit + o] = a;
      if (task.outputs != nullptr && l + 1 == task.shape.n_layers) task.outputs[row * layer.n_out + o] = a;
    });
    first_unit += layer.n_out;
  }
  each(tile.n_rows, [&](std::uint32_t r) {
    if (task.row_loss != nullptr) task.row_loss[first + r] = tile.memory->loss[r];
  });
  barrier();  // backward() overwrites
}

SHOAL_DEVICE void finish_gradient(const ProbeTask& task, const Tile& tile, float weight_sum) {
  const float inverse = inverse_weight(is_weighted(task.rows, task.rules), weight_sum, task.n_rows);
  each_parameter(task.shape, [&](std::uint32_t p, std::uint32_t at, bool is_bias) {
    task.gradient[p] = finished_gradient(tile.gradient[at], tile.weights[at], is_bias, task.rules, inverse);
  });
}

template <bool kInShared>
SHOAL_KERNEL void probe_kernel(const ProbeTask* tasks, std::uint32_t n_blocks) {
  const ProbeTask& task = tasks[block() / n_blocks];
  const std::uint32_t part = block() % n_blocks;
  Tile tile = block_tile<kInShared>(task.shape, kInShared ? nullptr : task.memory + part * probe_floats(task), nullptr);
  load_weights(task.shape, task.weights, tile);
  float weight_sum = 0.0F;
  for (std::uint32_t first = part * kTileRows; first < task.n_rows; first += n_blocks * kTileRows) {
    const std::uint32_t left = task.n_rows - first;
    stage(
        task.rows, task.shape, tile, left < kTileRows ? left : kTileRows,
        [&](std::uint32_t r) { return task.row == nullptr ? first + r : task.row[first + r]; },
        [&](std::uint32_t row) {
          return task.training ? training_weight(task.rows, task.rules, row) : table_weight(task.rows, row);
        });
    float* const z = task.z == nullptr ? nullptr : task.z + static_cast<std::size_t>(first) * task.n_units;
    forward(task.shape, tile, nullptr, 0, z, task.n_units);
    output(task.rows, task.shape, task.loss, task.rules, task.training, tile);
    write_tile(task, tile, first);
    for (std::uint32_t r = 0; r < tile.n_rows; ++r) weight_sum += tile.memory->weight[r];
    if (task.gradient != nullptr) backward(task.shape, tile, false, first == 0);
    barrier();
  }
  if (task.gradient != nullptr) finish_gradient(task, tile, weight_sum);
}

}  // namespace

std::uint32_t n_tiles(std::uint32_t n_rows) { return (n_rows + kTileRows - 1) / kTileRows; }

void launch_probe(const ProbeTask* tasks, std::uint32_t n_tasks, std::uint32_t n_blocks, bool in_shared,
                  std::size_t shared_bytes, cudaStream_t stream) {
  if (n_tasks == 0 || n_blocks == 0) return;
  const Launch of{"probe_kernel", n_tasks * n_blocks, kProbeThreads, shared_bytes, stream};
  const auto kernel = in_shared ? &probe_kernel<true> : &probe_kernel<false>;
  ask_for_shared(of, kernel);
  launch(of, kernel, tasks, n_blocks);
}

}  // namespace shoal::cuda
