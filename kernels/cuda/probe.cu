#include "kernels/cuda/row_tile.cuh"
#include "kernels/cuda/small_network.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {
namespace {

template <class S>
SHOAL_DEVICE void probe_row(const ProbeTask& task, const float* w, std::uint32_t r, const float* x, Activations<S>& v,
                            float* delta) {
  forward<S>(w, x, task.act_1, task.act_2, v);
  const float loss = output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
  if (task.row_loss != nullptr) task.row_loss[r] = loss;
  const std::size_t first = static_cast<std::size_t>(r) * S::n_units;
  for (std::uint32_t i = 0; task.z != nullptr && i < S::n_units; ++i) {
    const bool in_1 = i < S::n_1;
    const bool in_2 = i < S::n_1 + S::n_2;
    task.z[first + i] = in_1 ? v.z_1[i] : in_2 ? v.z_2[i - S::n_1] : v.out[i - S::n_1 - S::n_2];
    task.a[first + i] = in_1 ? v.a_1[i] : in_2 ? v.a_2[i - S::n_1] : v.out[i - S::n_1 - S::n_2];
  }
  for (std::uint32_t o = 0; task.outputs != nullptr && o < S::n_out; ++o) {
    task.outputs[static_cast<std::size_t>(r) * S::n_out + o] = v.out[o];
  }
}

/// A thread a row; the gradient, whose sums run over rows in order, is the first thread's alone.
template <class S>
SHOAL_KERNEL void probe_kernel(ProbeTask task) {
  float w[S::n_parameters];
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) w[p] = task.weights[static_cast<std::size_t>(p) * task.stride];
  float x[S::n_staged];
  Activations<S> v;
  float delta[S::n_out];
  const std::uint32_t r = block() * n_threads() + thread();
  if (r < task.n_rows) {
    stage_row<S>(task.rows, task.row == nullptr ? r : task.row[r], x);
    probe_row<S>(task, w, r, x, v, delta);
  }
  if (task.gradient == nullptr || r != 0) return;
  float g[S::n_parameters] = {};
  float weight_sum = 0.0F;
  for (std::uint32_t k = 0; k < task.n_rows; ++k) {
    stage_row<S>(task.rows, task.row == nullptr ? k : task.row[k], x);
    forward<S>(w, x, task.act_1, task.act_2, v);
    output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
    const float weight = x[S::n_in + S::n_out];
    for (std::uint32_t o = 0; o < S::n_out; ++o) delta[o] *= weight;
    backward<S>(w, x, task.act_1, task.act_2, v, delta, g);
    weight_sum += weight;
  }
  const float inverse = inverse_weight(task.rows.weights != nullptr, weight_sum, task.n_rows);
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    task.gradient[p] = finished_gradient<S>(p, g[p], w[p], task.alpha, inverse);
  }
}

template <class S>
struct ProbeKernel {
  static constexpr auto value = &probe_kernel<S>;
};

}  // namespace

void launch_probe(std::size_t shape, const ProbeTask& task, cudaStream_t stream) {
  static constexpr auto kKernels = compiled_shapes<ProbeKernel>();
  const std::uint32_t n_blocks = (task.n_rows + kNetworksInBlock - 1) / kNetworksInBlock;
  if (n_blocks == 0) return;
  launch({"probe_kernel", n_blocks, kNetworksInBlock, 0, stream}, kKernels.at(shape), task);
}

}  // namespace shoal::cuda
