// Short runs of the cpu engine against the reference, within the bound that tests/support/tolerances.hpp derives.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <vector>

#include "engine/definition.hpp"
#include "engine/reference/reference.hpp"
#include "shoal/engine.hpp"
#include "tests/support/bounded_training.hpp"
#include "tests/support/random_network.hpp"
#include "tests/support/tables.hpp"

namespace shoal {
namespace {

struct ShortRun {
  Trial trial;
  Dataset dataset;
  std::vector<reference::Example> rows;
  std::uint32_t epochs = 0;
};

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

void draw_hyperparameters(test::Draw& draw, int index, Hyperparameters& h) {
  h.loss = static_cast<Loss>(index % 6);
  constexpr std::array kSolvers{Solver::sgd, Solver::adam, Solver::sgd, Solver::adamw, Solver::sgd, Solver::rmsprop};
  h.solver = kSolvers[static_cast<std::size_t>(index / 6) % kSolvers.size()];
  // Without adam's correction the first step is rate / sqrt(1 - beta_2): 3 rates, where 0.999 would make it 32.
  if (h.solver == Solver::rmsprop) h.beta_2 = 0.9;
  h.momentum = index / 12 % 2 == 0 ? 0.0 : 0.9;
  h.nesterovs_momentum = index / 24 % 2 == 0;
  h.learning_rate = static_cast<Schedule>(draw.integer(0, 5));
  h.huber_delta = draw.uniform(0.25, 1.5);
  h.label_smoothing = index % 7 == 0 ? draw.uniform(0.05, 0.4) : 0.0;
  h.l1 = index % 8 == 1 ? draw.uniform(0.001, 0.1) : 0.0;
  h.clip_norm = index % 9 == 2 ? draw.uniform(0.1, 1.0) : 0.0;
  h.dropout = index % 10 == 3 ? draw.uniform(0.1, 0.5) : 0.0;
  h.layer_rate = index % 11 == 4 ? draw.uniform(0.5, 1.0) : 1.0;
  h.learning_rate_init = draw.uniform(0.001, 0.02);
  h.alpha = index % 3 == 0 ? 0.0 : draw.uniform(0.001, 0.1);
  h.batch_size = draw.integer(2, 6);
  h.max_iter = 10;
  h.bias_init = BiasInit::like_weights;
}

/// Everything rounded to float first: the engines get the same bits.
ShortRun draw_run(test::Draw& draw, int index) {
  ShortRun run;
  Trial& trial = run.trial;
  draw_hyperparameters(draw, index, trial.hyperparameters);
  const Loss loss = trial.hyperparameters.loss;
  trial.topology = test::random_topology(draw, index % 4, loss == Loss::cross_entropy ? 2 : 1);
  trial.seed = static_cast<std::uint64_t>(index);
  trial.shuffle_seed = 17;
  run.epochs = has_second_moment(trial.hyperparameters.solver) ? 1 : 4;

  const bool weighted = index % 5 == 0;
  std::vector<float> inputs;
  std::vector<float> targets;
  std::vector<float> weights;
  const std::int32_t n_rows = draw.integer(6, 12);
  while (static_cast<std::int32_t>(run.rows.size()) < n_rows) {
    for (reference::Example row : test::random_rows(draw, trial.topology, loss, weighted)) {
      for (double& x : row.inputs) x = static_cast<double>(inputs.emplace_back(static_cast<float>(x)));
      row.weight = static_cast<double>(weights.emplace_back(static_cast<float>(row.weight)));
      if (loss == Loss::cross_entropy) {
        targets.push_back(static_cast<float>(std::ranges::find(row.targets, 1.0) - row.targets.begin()));
      } else {
        for (double& t : row.targets) t = static_cast<double>(targets.emplace_back(static_cast<float>(t)));
      }
      run.rows.push_back(std::move(row));
    }
  }
  run.dataset = test::plain_dataset(task_of(loss), std::move(inputs), static_cast<std::size_t>(trial.topology.n_inputs),
                                    std::move(targets), static_cast<std::size_t>(trial.topology.n_outputs));
  if (weighted) run.dataset.weights = std::move(weights);
  return run;
}

std::uint32_t n_rows(const ShortRun& run) { return static_cast<std::uint32_t>(run.rows.size()); }

/// fp64, with the learning rate off by `planted` of itself.
reference::State train_reference(const ShortRun& run, double planted, double* last_loss) {
  reference::State state = reference::widened(initial_state(run.trial));
  for (std::uint32_t epoch = 0; epoch < run.epochs; ++epoch) {
    const double rate = static_cast<double>(epoch_rate(run.trial, n_rows(run), epoch)) * (1 + planted);
    const auto sums = reference::train_epoch(
        run.trial, epoch_order(run.trial, n_rows(run), epoch), [&](std::uint32_t row) { return run.rows[row]; }, rate,
        std::stop_token(), state);
    if (last_loss != nullptr) *last_loss = sums->loss;
  }
  return state;
}

test::BoundedState train_bounded(const ShortRun& run, test::Bounded* last_loss) {
  test::BoundedState state = test::bounded_state(initial_state(run.trial));
  for (std::uint32_t epoch = 0; epoch < run.epochs; ++epoch) {
    std::vector<reference::Example> ordered;
    for (const std::uint32_t row : epoch_order(run.trial, n_rows(run), epoch)) ordered.push_back(run.rows[row]);
    *last_loss = test::bounded_epoch(run.trial, ordered, epoch_rate(run.trial, n_rows(run), epoch), state);
  }
  return state;
}

TrialState train_engine(const char* name, const ShortRun& run, std::vector<EpochRecord>& records) {
  const std::unique_ptr<Engine> engine = make_engine(name, run.dataset, {.n_threads = 1});
  const Gang gang{.key = gang_key(run.trial), .first_slot = 0, .n_slots = 1};
  engine->prepare(std::span(&gang, 1));
  engine->place(0, run.trial, initial_state(run.trial));
  const TrainTarget target{0, run.epochs};
  std::vector<Slot> lost;
  engine->train(std::span(&target, 1), {}, records, lost);
  return engine->read(0);
}

TEST(ShortRuns, OfTheCpuEngineStayWithinTheDerivedBound) {
  test::Draw draw(99);
  int sgd_bounds = 0;
  int sgd_tight = 0;
  int adam_bounds = 0;
  int adam_tight = 0;
  int planted_found = 0;
  constexpr int kRuns = 240;
  for (int index = 0; index < kRuns; ++index) {
    const ShortRun run = draw_run(draw, index);
    double reference_loss = 0;
    const reference::State wide = train_reference(run, 0, &reference_loss);
    const reference::State planted = train_reference(run, 1e-3, nullptr);
    test::Bounded loss;
    const test::BoundedState bound = train_bounded(run, &loss);
    std::vector<EpochRecord> records;
    const TrialState cpu = train_engine("cpu", run, records);

    ASSERT_EQ(records.size(), run.epochs);
    EXPECT_NEAR(records.back().train_loss, reference_loss, loss.error) << "run " << index;
    bool is_planted_found = false;
    for (std::size_t k = 0; k < cpu.parameters.size(); ++k) {
      const double error = bound.parameters[k].error;
      // The bound belongs to the run that the reference makes.
      ASSERT_NEAR(bound.parameters[k].value, wide.parameters[k], 1e-10) << "run " << index;
      ASSERT_NEAR(static_cast<double>(cpu.parameters[k]), wide.parameters[k], error)
          << "run " << index << ", parameter " << k;
      is_planted_found |= std::abs(static_cast<double>(cpu.parameters[k]) - planted.parameters[k]) > error;
      const bool sgd = run.trial.hyperparameters.solver == Solver::sgd;
      ++(sgd ? sgd_bounds : adam_bounds);
      if (error < 2e-5) ++(sgd ? sgd_tight : adam_tight);
    }
    planted_found += is_planted_found ? 1 : 0;
  }
  // Bounds that would admit anything prove nothing. Adam divides by the size of the gradient: where rounding leaves the
  // sign of a gradient open, so is the direction of a whole step.
  EXPECT_GT(sgd_tight, sgd_bounds * 85 / 100) << "of " << sgd_bounds;
  EXPECT_GT(adam_tight, adam_bounds * 75 / 100) << "of " << adam_bounds;
  EXPECT_GT(planted_found, kRuns * 95 / 100) << "a learning rate off by 0.1 % should not fit the bound";
}

TEST(ShortRuns, OfTheReferenceEngineAreTheRunsOfItsFormulas) {
  test::Draw draw(5);
  for (int index = 0; index < 24; ++index) {
    const ShortRun run = draw_run(draw, index);
    std::vector<EpochRecord> records;
    const TrialState engine = train_engine("reference", run, records);
    EXPECT_EQ(engine.parameters, reference::rounded(train_reference(run, 0, nullptr)).parameters) << "run " << index;
    EXPECT_EQ(engine.epoch, run.epochs);
  }
}

}  // namespace
}  // namespace shoal
