#include "kernels/cuda/cohort_gradient.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/strict_sums.cuh"

namespace shoal::cuda {
namespace {

SHOAL_DEVICE CohortSums* sums_of(const CohortTask<float>& task, std::uint32_t network) {
  return task.sums + static_cast<std::size_t>(network) * task.n_row_blocks;
}

/// A network a warp, a partial sum a thread.
SHOAL_KERNEL void strict_losses_kernel(CohortTask<float> task, StrictSums* sums, std::uint32_t n_rows, bool training) {
  const std::uint32_t network = block();
  const std::uint32_t k = thread();
  const NetworkRules& rules = task.rules[network];
  const float* const row_loss = task.row_loss + static_cast<std::size_t>(network) * task.most_rows;
  const auto weight_of = [&](std::uint32_t r) {
    return training ? training_weight(task.rows, rules, task.row[r]) : table_weight(task.rows, task.row[r]);
  };
  const std::uint32_t position = training ? task.cursor->row : sums[network].n_validated;
  barrier();  // before n_validated moves on
  double loss = training ? sums[network].train_loss[k] : sums[network].val_loss[k];
  double weights = sums[network].train_weight[k];
  for (std::uint32_t r = (k - position) % math::kPartials; r < n_rows; r += math::kPartials) {
    const auto weight = static_cast<double>(weight_of(r));
    loss += weight * static_cast<double>(row_loss[r]);
    weights += weight;
  }
  (training ? sums[network].train_loss[k] : sums[network].val_loss[k]) = loss;
  if (!training && k == 0) sums[network].n_validated += n_rows;
  if (!training) return;
  sums[network].train_weight[k] = weights;
  if (!is_weighted(task.rows, rules)) return;
  // Row by row, of which the warp reads 32 at a time; +0 for those behind the last changes nothing.
  float minibatch_weight = 0.0F;
  for (std::uint32_t first = 0; first < n_rows; first += kWarpLanes) {
    const float weight = first + k < n_rows ? weight_of(first + k) : 0.0F;
    for (std::uint32_t i = 0; i < kWarpLanes; ++i) minibatch_weight += shuffle(kFullWarp, weight, i);
  }
  if (k != 0) return;
  CohortSums* const of_blocks = sums_of(task, network);
  for (std::uint32_t b = 0; b < task.n_row_blocks; ++b) of_blocks[b].minibatch_weight = 0.0F;
  of_blocks[0].minibatch_weight = minibatch_weight;
}

/// A network a thread.
SHOAL_KERNEL void strict_totals_kernel(CohortTask<float> task, StrictSums* sums) {
  const std::uint32_t network = block() * n_threads() + thread();
  if (network >= task.n_networks) return;
  StrictSums& of = sums[network];
  const auto total = [](double(&partials)[math::kPartials]) {
    double copy[math::kPartials];
    for (std::uint32_t k = 0; k < math::kPartials; ++k) copy[k] = partials[k];
    for (double& partial : partials) partial = 0.0;
    return math::combine_partials(copy);
  };
  CohortSums* const of_blocks = sums_of(task, network);
  for (std::uint32_t b = 0; b < task.n_row_blocks; ++b) {
    of_blocks[b].train_loss = of_blocks[b].train_weight = of_blocks[b].val_loss = 0.0;
  }
  of_blocks[0].train_loss = total(of.train_loss);
  of_blocks[0].train_weight = total(of.train_weight);
  of_blocks[0].val_loss = total(of.val_loss);
  of.n_validated = 0;
}

/// A network a block. Its first warp has a partial sum a thread: the k-th, k + 32-nd, ... of the parameters in
/// canonical order. It would wait for each of them: the other warps finish the next segment's gradients meanwhile.
SHOAL_KERNEL void strict_norm_kernel(CohortTask<float> task, std::uint32_t n_rows) {
  const std::uint32_t network = block();
  const double clip_norm = task.rules[network].clip_norm;
  if (clip_norm == 0.0) return;
  const CohortNetwork& net = task.networks[network];
  const float inverse = minibatch_inverse(task, network, n_rows);
  const auto count_of = [&](std::uint32_t l) { return net.layers[l].n_out * (net.layers[l].n_in + 1); };
  std::uint32_t n = 0;
  for (std::uint32_t l = 0; l < task.n_layers; ++l) n += count_of(l);
  auto* const staged = dynamic_shared<float>();  // two segments
  const bool adds = thread() < math::kPartials;
  double sum = 0.0;
  std::uint32_t layer = 0;
  std::uint32_t first_of_layer = 0;
  for (std::uint32_t first = 0; first < n + kElementsInBlock; first += kElementsInBlock) {
    float* const now = staged + first / kElementsInBlock % 2 * kElementsInBlock;
    const float* const before = staged + (first / kElementsInBlock + 1) % 2 * kElementsInBlock;
    for (std::uint32_t i = thread(); adds && first > 0 && i < kElementsInBlock && first - kElementsInBlock + i < n;
         i += math::kPartials) {
      const auto g = static_cast<double>(before[i]);
      sum += g * g;
    }
    for (std::uint32_t i = thread() - math::kPartials; !adds && i < kElementsInBlock && first + i < n;
         i += kCohortThreads - math::kPartials) {
      for (; first + i - first_of_layer >= count_of(layer); ++layer) first_of_layer += count_of(layer);
      const CohortLayer& in = net.layers[layer];
      const std::uint32_t row = (first + i - first_of_layer) / (in.n_in + 1);
      const std::uint32_t column = (first + i - first_of_layer) % (in.n_in + 1);
      now[i] = gradient_of(task, network, net.parameters + in.first_parameter + row * in.columns + column,
                           column == in.n_in, inverse);
    }
    barrier();
  }
  auto* const partials = dynamic_shared<double>();
  if (adds) partials[thread()] = sum;
  barrier();
  if (thread() != 0) return;
  double copy[math::kPartials];
  for (std::uint32_t k = 0; k < math::kPartials; ++k) copy[k] = partials[k];
  const double norm = ::sqrt(math::combine_partials(copy));
  task.shortened[network] = norm > clip_norm ? static_cast<float>(clip_norm / norm) : 1.0F;
}

}  // namespace

void launch_strict_losses(const CohortTask<float>& task, StrictSums* sums, std::uint32_t n_rows, bool training,
                          cudaStream_t stream) {
  launch({"strict_losses_kernel", task.n_networks, math::kPartials, 0, stream}, &strict_losses_kernel, task, sums,
         n_rows, training);
}

void launch_strict_totals(const CohortTask<float>& task, StrictSums* sums, cudaStream_t stream) {
  const std::uint32_t threads = n_threads_for(task.n_networks);
  launch({"strict_totals_kernel", n_parts(task.n_networks, threads), threads, 0, stream}, &strict_totals_kernel, task,
         sums);
}

void launch_strict_norm(const CohortTask<float>& task, std::uint32_t n_rows, cudaStream_t stream) {
  launch({"strict_norm_kernel", task.n_networks, kCohortThreads, 2 * kElementsInBlock * sizeof(float), stream},
         &strict_norm_kernel, task, n_rows);
}

}  // namespace shoal::cuda
