// Short runs of the cpu engine against the reference, within the bound that verify/bounded.hpp derives.
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
#include "verify/bounded_training.hpp"
#include "verify/random_case.hpp"

namespace shoal {
namespace {

using verify::Case;

std::uint32_t n_rows(const Case& run) { return static_cast<std::uint32_t>(run.rows.size()); }

/// fp64, with the learning rate off by `planted` of itself.
reference::State train_reference(const Case& run, double planted, double* last_loss) {
  reference::State state = reference::widened(run.start);
  for (std::uint32_t epoch = 0; epoch < run.epochs; ++epoch) {
    const double rate = static_cast<double>(epoch_rate(run.trial, n_rows(run), epoch)) * (1 + planted);
    const auto sums = reference::train_epoch(
        run.trial, epoch_order(run.trial, n_rows(run), epoch), [&](std::uint32_t row) { return run.rows[row]; }, rate,
        std::stop_token(), state);
    if (last_loss != nullptr) *last_loss = sums->loss;
  }
  return state;
}

verify::BoundedState train_bounded(const Case& run, verify::Bounded* last_loss) {
  verify::BoundedState state = verify::bounded_state(run.start);
  for (std::uint32_t epoch = 0; epoch < run.epochs; ++epoch) {
    std::vector<reference::Example> ordered;
    for (const std::uint32_t row : epoch_order(run.trial, n_rows(run), epoch)) ordered.push_back(run.rows[row]);
    *last_loss = verify::bounded_epoch(verify::kStrictProducts, run.trial, ordered,
                                       epoch_rate(run.trial, n_rows(run), epoch), state);
  }
  return state;
}

TrialState train_engine(const char* name, const Case& run, std::vector<EpochRecord>& records) {
  const std::unique_ptr<Engine> engine = make_engine(name, run.dataset, {.n_threads = 1});
  const Gang gang{.key = gang_key(run.trial), .first_slot = 0, .n_slots = 1};
  engine->prepare(std::span(&gang, 1));
  engine->place(0, run.trial, run.start);
  const TrainTarget target{0, run.epochs};
  std::vector<Slot> lost;
  engine->train(std::span(&target, 1), {}, records, lost);
  return engine->read(0);
}

TEST(ShortRuns, OfTheCpuEngineStayWithinTheDerivedBound) {
  int sgd_bounds = 0;
  int sgd_tight = 0;
  int adam_bounds = 0;
  int adam_tight = 0;
  int planted_found = 0;
  constexpr std::uint64_t kRuns = 240;
  for (std::uint64_t index = 0; index < kRuns; ++index) {
    const Case run = verify::random_case(99, index);
    double reference_loss = 0;
    const reference::State wide = train_reference(run, 0, &reference_loss);
    const reference::State planted = train_reference(run, 1e-3, nullptr);
    verify::Bounded loss;
    const verify::BoundedState bound = train_bounded(run, &loss);
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
      if (index % 13 == 5) continue;  // wide networks: bounds grow with the width
      ++(sgd ? sgd_bounds : adam_bounds);
      if (error < 2e-5) ++(sgd ? sgd_tight : adam_tight);
    }
    planted_found += is_planted_found ? 1 : 0;
  }
  // Bounds that would admit anything prove nothing. Adam divides by the size of the gradient: where rounding leaves the
  // sign of a gradient open, so is the direction of a whole step.
  EXPECT_GT(sgd_tight, sgd_bounds * 85 / 100) << "of " << sgd_bounds;
  EXPECT_GT(adam_tight, adam_bounds * 75 / 100) << "of " << adam_bounds;
  EXPECT_GT(planted_found, 240 * 95 / 100) << "a learning rate off by 0.1 % should not fit the bound";
}

TEST(ShortRuns, OfTheReferenceEngineAreTheRunsOfItsFormulas) {
  for (std::uint64_t index = 0; index < 24; ++index) {
    const Case run = verify::random_case(99, index);
    std::vector<EpochRecord> records;
    const TrialState engine = train_engine("reference", run, records);
    EXPECT_EQ(engine.parameters, reference::rounded(train_reference(run, 0, nullptr)).parameters) << "run " << index;
    EXPECT_EQ(engine.epoch, run.epochs);
  }
}

}  // namespace
}  // namespace shoal
