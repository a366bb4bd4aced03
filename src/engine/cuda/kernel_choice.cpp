#include "engine/cuda/kernel_choice.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "engine/cuda/supported.hpp"
#include "kernels/cuda/cohort.cuh"

namespace shoal::cuda {
namespace {

NetworkShape shape_of(const Gang& gang, const EngineOptions& options) {
  return {gang.key.topology, gang.has_dropout, reads_outputs(watched_metric(options.metric)),
          operands_of(options.precision)};
}

constexpr std::string_view kThreads = "thread_per_network";
constexpr std::string_view kBlocks = "block_per_network";

Way way_of(std::string_view kernel) {
  if (kernel == kThreads) return Way::threads;
  return kernel == kBlocks ? Way::blocks : Way::layers;
}

/// of_host: seconds of an epoch.
Prediction with_host(const CudaCosts& costs, const Gang& gang, std::string_view kernel, const EpochSeconds& epoch,
                     double of_host) {
  const double round = costs.launch / epochs_in_launch(epoch.alone);
  const auto n_parameters = static_cast<double>(gang.key.topology.n_parameters());
  return {kernel, epoch.full + of_host, std::max(epoch.full, epoch.alone) + of_host + round,
          gang.n_slots * (costs.place_network + costs.place_parameter * n_parameters)};
}

}  // namespace

Prediction layers_predicted(const EngineOptions& options, const Gang& gang, const EpochRows& rows) {
  const CudaCosts& costs = options.costs.cuda;
  const std::string_view kernel = options.precision == Precision::strict ? "strict_layers" : "cohort";
  return with_host(costs, gang, kernel, layers_epoch(costs, gang.key.topology, options.precision, gang.n_slots, rows),
                   0);
}

std::uint32_t most_rows_by_layers(const Topology& topology) {
  std::int32_t widest = topology.n_inputs;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) widest = std::max(widest, topology.fan_out(l));
  return std::max(1U, static_cast<std::uint32_t>(kMostElements / padded(static_cast<std::uint32_t>(widest) + 1)));
}

std::string why_not_by_layers(const Topology& topology, const EpochRows& rows) {
  std::uint64_t n_parameters = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    n_parameters += std::uint64_t{padded(static_cast<std::uint32_t>(topology.fan_out(l)))} *
                    padded(static_cast<std::uint32_t>(topology.fan_in(l)) + 1);
  }
  if (n_parameters > kMostElements) {
    return fmt::format("it has {} parameters, padded as kernels have them, and at most {} are counted", n_parameters,
                       kMostElements);
  }
  const std::uint32_t n_rows = std::min(rows.batch, rows.n_training);
  const std::uint32_t most = most_rows_by_layers(topology);
  if (n_rows <= most) return {};
  return fmt::format(
      "a minibatch of {} rows has more values in its widest layer than the {} that are counted; give a batch_size "
      "of {} or less",
      n_rows, kMostElements, most);
}

std::string KernelChoice::why_not(const Trial& trial) const {
  const Gang gang{.key = gang_key(trial), .n_slots = 1, .has_dropout = trial.hyperparameters.dropout > 0};
  std::string why = why_not_by_layers(trial.topology, rows(gang.key));
  if (!why.empty() && shape_of(gang, options_).is_shared()) why.clear();
  return why;
}

std::vector<Way> KernelChoice::possible(const Gang& gang, const NetworkShape& shape) const {
  std::vector<Way> ways;
  if (can_have_threads(gang, table_->has_row_weights())) ways.push_back(Way::threads);
  if (shape.is_shared()) ways.push_back(Way::blocks);
  const bool may_have_layers = options_.precision == Precision::strict;
  if (ways.empty() || (may_have_layers && why_not_by_layers(gang.key.topology, rows(gang.key)).empty())) {
    ways.push_back(Way::layers);
  }
  if (operands_of(options_.precision) != Operands::fp32) {
    // Whether a kernel is built follows from the company, and here its bits would differ from a block's.
    const bool has_compiled = compiled_thread_kernel(gang.key, table_->has_row_weights()) != nullptr;
    if (ways.front() == Way::threads && !has_compiled && shape.is_shared()) ways.erase(ways.begin());
    ways.resize(1);
  }
  return ways;
}

EpochSeconds KernelChoice::of_threads(const GangKey& key, std::uint32_t n_networks) const {
  return thread_epoch(options_.costs.cuda, key, n_networks, rows(key));
}

EpochSeconds KernelChoice::of_block(const GangKey& key, const NetworkShape& shape) const {
  return block_epoch(options_.costs.cuda, shape, key.solver, rows(key));
}

/// With what the host does: an epoch's share of a round, and what it does for each network.
Prediction KernelChoice::predicted(const Gang& gang, const NetworkShape& shape, Way way) const {
  const CudaCosts& costs = options_.costs.cuda;
  const double n = gang.n_slots;
  if (way == Way::layers) {
    Prediction layers = layers_predicted(options_, gang, rows(gang.key));
    // Cohorts come one after another, and how many others share this one is not known: where there is a choice, the
    // gang pays all launches of its own.
    if (options_.precision == Precision::strict && shape.is_shared()) layers.epoch_s = layers.alone_s;
    return layers;
  }
  if (way == Way::threads) {
    Prediction threads = with_host(costs, gang, kThreads, of_threads(gang.key, gang.n_slots), costs.thread_network * n);
    if (gang.n_epochs > 0 && has_built_kernel(gang, table_->has_row_weights())) {
      // Its company is taken to be of one topology, as everywhere: together they build once.
      const double of_epoch = kSecondsOfBuild / gang.n_epochs;
      threads.epoch_s += of_epoch * n / static_cast<double>(std::max<std::uint64_t>(gang.n_company, gang.n_slots));
      threads.alone_s += of_epoch;
    }
    return threads;
  }
  EpochSeconds epoch = of_block(gang.key, shape);
  const double of_host = costs.block_network * n / epochs_in_launch(epoch.alone);
  epoch.full *= n;
  return with_host(costs, gang, kBlocks, epoch, of_host);
}

const KernelChoice::Choice& KernelChoice::choice(const Gang& gang) const {
  if (gang.n_company != n_company_) choices_.clear();
  n_company_ = gang.n_company;
  std::tuple kind(gang.key, gang.n_slots, gang.has_dropout, gang.n_epochs);
  std::get<GangKey>(kind).shuffle_seed = 0;  // nothing is predicted by it, and it may be a trial's own
  if (const auto found = choices_.find(kind); found != choices_.end()) return found->second;
  const NetworkShape shape = shape_of(gang, options_);
  std::vector<Prediction> predictions;
  for (const Way way : possible(gang, shape)) predictions.push_back(predicted(gang, shape, way));
  rank(predictions, gang);
  const Way soonest = way_of(predictions.front().kernel);
  return choices_.emplace(kind, Choice{soonest, std::move(predictions)}).first->second;
}

}  // namespace shoal::cuda
