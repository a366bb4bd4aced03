#include "verify/random_case.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/definition.hpp"
#include "verify/random_network.hpp"
#include "verify/tables.hpp"

namespace shoal::verify {
namespace {

Task task_of(Loss loss) {
  switch (loss) {
    case Loss::cross_entropy:
      return Task::classification;
    case Loss::binary_cross_entropy:
      return Task::multilabel;
    default:
      return Task::regression;
  }
}

void draw_hyperparameters(Draw& draw, std::uint64_t index, Hyperparameters& h) {
  h.loss = static_cast<Loss>(index % 6);
  constexpr std::array kSolvers{Solver::sgd, Solver::adam, Solver::sgd, Solver::adamw, Solver::sgd, Solver::rmsprop};
  h.solver = kSolvers.at(index / 6 % kSolvers.size());
  // Without adam's correction the first step is rate / sqrt(1 - beta_2): 3 rates, where 0.999 would make it 32.
  if (h.solver == Solver::rmsprop) h.beta_2 = 0.9;
  h.momentum = index / 12 % 2 == 0 ? 0.0 : 0.9;
  h.nesterovs_momentum = index / 24 % 2 == 0;
  h.learning_rate = static_cast<Schedule>(draw.integer(0, static_cast<std::int32_t>(schedule_names().size()) - 1));
  h.learning_rate_init = draw.uniform(0.001, 0.02);
  h.alpha = index % 3 == 0 ? 0.0 : draw.uniform(0.001, 0.1);
  h.huber_delta = draw.uniform(0.25, 1.5);
  h.label_smoothing = index % 7 == 0 ? draw.uniform(0.05, 0.4) : 0.0;
  h.class_weight = h.loss == Loss::cross_entropy && index % 4 == 0 ? ClassWeight::balanced : ClassWeight::none;
  h.l1 = index % 8 == 1 ? draw.uniform(0.001, 0.1) : 0.0;
  h.clip_norm = index % 9 == 2 ? draw.uniform(0.1, 1.0) : 0.0;
  h.dropout = index % 10 == 3 ? draw.uniform(0.1, 0.5) : 0.0;
  h.layer_rate = index % 11 == 4 ? draw.uniform(0.5, 1.0) : 1.0;
  h.batch_size = draw.integer(2, 6);
  h.max_iter = 10;
  h.bias_init = index % 5 == 0 ? BiasInit::zeros : BiasInit::like_weights;
  h.init = static_cast<Init>(draw.integer(0, static_cast<std::int32_t>(Init::lecun_normal)));
}

void widen(Draw& draw, Topology& topology) {
  for (std::int32_t& size : topology.hidden_layer_sizes) size = draw.integer(6, 40);
}

/// Rows for the case, as floats, into its table.
void draw_table(Draw& draw, std::uint64_t index, Case& of) {
  const Topology& topology = of.trial.topology;
  const Loss loss = of.trial.hyperparameters.loss;
  const bool weighted = index % 5 == 1;
  std::vector<float> inputs;
  std::vector<float> targets;
  std::vector<float> weights;
  const auto n_rows = static_cast<std::size_t>(draw.integer(6, 12));
  while (of.rows.size() < n_rows) {
    for (reference::Example row : random_rows(draw, topology, loss, weighted)) {
      if (index % 5 == 0 && of.rows.empty()) std::ranges::fill(row.inputs, 0.0);  // with zero biases: relu's kink
      for (double& x : row.inputs) x = static_cast<double>(inputs.emplace_back(static_cast<float>(x)));
      weights.push_back(static_cast<float>(row.weight));
      if (loss == Loss::cross_entropy) {
        targets.push_back(static_cast<float>(std::ranges::find(row.targets, 1.0) - row.targets.begin()));
      } else {
        for (double& t : row.targets) t = static_cast<double>(targets.emplace_back(static_cast<float>(t)));
      }
      of.rows.push_back(std::move(row));
    }
  }
  of.dataset = plain_dataset(task_of(loss), std::move(inputs), static_cast<std::size_t>(topology.n_inputs),
                             std::move(targets), static_cast<std::size_t>(topology.n_outputs));
  if (weighted) of.dataset.weights = std::move(weights);
  const std::vector<float> of_classes =
      class_weights(of.dataset, of.dataset.splits.front(), of.trial.hyperparameters.class_weight);
  for (std::uint32_t row = 0; row < of.rows.size(); ++row) {
    of.rows[row].weight = static_cast<double>(training_weight(of.dataset, of_classes, row));
  }
}

/// Biases of a first layer with one input that cancel its weight on the first row: what is left of z is the rounding
/// of a product, which a fused multiply-add keeps and a separate one loses.
void cancel(Case& of) {
  const auto x = static_cast<float>(of.rows.front().inputs.front());
  for (std::int32_t o = 0; o < of.trial.topology.fan_out(0); ++o) {
    float* unit = of.start.parameters.data() + static_cast<std::size_t>(o) * 2;
    unit[1] = -(unit[0] * x);
  }
}

}  // namespace

Case random_case(std::uint64_t seed, std::uint64_t index) {
  Draw draw(seed * 0x9E3779B97F4A7C15U + index);
  Case of;
  draw_hyperparameters(draw, index, of.trial.hyperparameters);
  const bool has_classes = of.trial.hyperparameters.loss == Loss::cross_entropy;
  of.trial.topology = random_topology(draw, static_cast<std::int32_t>(index % 4), has_classes ? 2 : 1);
  if (index % 13 == 5) widen(draw, of.trial.topology);
  const bool cancels = index % 6 == 2;
  if (cancels) of.trial.topology.n_inputs = 1;
  of.trial.seed = index;
  of.trial.shuffle_seed = 17;
  draw_table(draw, index, of);
  of.start = initial_state(of.trial);
  if (cancels) cancel(of);
  of.epochs = has_second_moment(of.trial.hyperparameters.solver) ? 1 : 4;
  return of;
}

std::vector<Trial> company(const Case& of, std::uint64_t seed, std::size_t n) {
  Draw draw(seed + of.trial.seed);
  std::vector<Trial> others;
  for (std::size_t i = 0; i < n; ++i) {
    Trial trial = of.trial;
    draw_hyperparameters(draw, static_cast<std::uint64_t>(draw.integer(0, 1000)), trial.hyperparameters);
    trial.hyperparameters.loss = of.trial.hyperparameters.loss;
    trial.hyperparameters.class_weight = of.trial.hyperparameters.class_weight;
    if (i % 2 == 0) {
      const Topology drawn = random_topology(draw, draw.integer(0, 3), 1);
      trial.topology.hidden_layer_sizes = drawn.hidden_layer_sizes;
      trial.topology.activations = drawn.activations;
    }
    if (i % 3 == 1) trial.hyperparameters.learning_rate_init = 1e6;
    if (i % 3 == 2) trial.hyperparameters.n_iter_no_change = 1;
    trial.hyperparameters.tol = 0.1;
    trial.seed = static_cast<std::uint64_t>(draw.integer(0, 1000));
    others.push_back(std::move(trial));
  }
  return others;
}

}  // namespace shoal::verify
