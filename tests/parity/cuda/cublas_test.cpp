// Engine cublas against the reference, within derived bounds; over the emulated device, or on a GPU.
#include <algorithm>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include "engine/cuda/cublas_engine.hpp"
#include "tests/parity/cuda/bounds.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "verify/checks.hpp"

namespace shoal {
namespace {

TEST(SHOAL_CUDA_SUITE, CublasStaysWithinItsBoundsInEveryPrecision) {
  constexpr std::uint64_t kCases = std::max(13U / kShare, 2U);  // 13: 312 in all precisions and schedules
  const RaceWatch watch;
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      const VerifyOptions options{"cublas", kCases, schedule};
      for (const VerifyRow& row : verify::checked({"cublas", precision, make_cublas_engine}, options)) {
        EXPECT_EQ(row.n_cases, kCases) << row.check;
        EXPECT_EQ(row.n_breaches, 0U) << name(precision) << ", " << row.check << ", schedule " << schedule << ": "
                                      << row.first_breach;
      }
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

/// The bounds are sharp: operands that are rounded more coarsely than a precision says are found.
TEST(SHOAL_CUDA_SUITE, CublasBoundsTellThePrecisionsApart) {
  const std::pair<Precision, Precision> claimed_and_true[] = {{Precision::fp32, Precision::tf32},
                                                              {Precision::tf32, Precision::bf16}};
  for (const auto& [claimed, actual] : claimed_and_true) {
    const auto make = [precision = actual](const Dataset& data, EngineOptions options) {
      options.precision = precision;
      return make_cublas_engine(data, options);
    };
    std::uint64_t n_breaches = 0;
    for (const VerifyRow& row : verify::checked({"cublas", claimed, make}, {"cublas", 8, 0}))
      n_breaches += row.n_breaches;
    EXPECT_GT(n_breaches, 0U) << name(actual) << " passed for " << name(claimed);
  }
}

/// Two networks in one cohort whose outputs are more than the last layer's own way back takes, than four lanes share,
/// and than shared memory holds.
testing::Sweep with_outputs(std::int32_t n_outputs, Task task, Precision precision) {
  testing::Random random(23);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, task, 44, 5, n_outputs);
  sweep.options.precision = precision;
  Trial trial;
  trial.topology = {5, {19, 12}, {Activation::tanh, Activation::relu}, n_outputs};
  trial.hyperparameters.loss = task == Task::classification ? Loss::cross_entropy : Loss::squared_error;
  trial.hyperparameters.batch_size = 13;
  trial.hyperparameters.max_iter = 3;
  trial.hyperparameters.learning_rate_init = 0.001;
  for (Slot slot = 0; slot < 2; ++slot) {
    trial.seed = slot;
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, false, false});
  }
  return sweep;
}

TEST(SHOAL_CUDA_SUITE, CublasStaysWithinBoundsWithManyOutputs) {
  [[maybe_unused]] const RaceWatch watch;
  const std::pair<Precision, verify::Products> precisions[] = {{Precision::fp32, verify::kFp32Products},
                                                               {Precision::bf16, verify::kBf16Products}};
  for (const auto& [precision, products] : precisions) {
    for (const std::int32_t n_outputs : {33, 70, 800}) {
      for (const Task task : {Task::classification, Task::regression}) {
        const testing::Sweep sweep = with_outputs(n_outputs, task, precision);
        const testing::Outcome outcome = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 3, 3);
        testing::BoundsTally tally;
        for (Slot slot = 0; slot < 2; ++slot) testing::compare_with_bounds(products, sweep, slot, outcome, tally);
        EXPECT_EQ(tally.n_breaches, 0U) << name(precision) << ", " << n_outputs << " outputs: " << tally.first_breach;
        EXPECT_GT(tally.n_values, static_cast<std::size_t>(n_outputs) * 13);
      }
    }
  }
}

/// Rows that the scaling makes zeros, and no biases: every hidden unit stands at its kink.
testing::Sweep at_the_kink(Precision precision, Slot n_networks, double dropout) {
  testing::Random random(11);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 40, 6, 3);
  std::ranges::fill(sweep.data.inputs, 0.125F);
  sweep.options.precision = precision;
  Trial trial;
  trial.topology = {6, {24, 13}, {Activation::relu, Activation::relu}, 3};
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.loss = Loss::squared_error;
  trial.hyperparameters.bias_init = BiasInit::zeros;
  trial.hyperparameters.alpha = 0;
  trial.hyperparameters.dropout = dropout;
  trial.hyperparameters.batch_size = 16;
  trial.hyperparameters.max_iter = 2;
  for (Slot slot = 0; slot < n_networks; ++slot) {
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, false, dropout > 0});
  }
  return sweep;
}

TEST(SHOAL_CUDA_SUITE, CublasGivesReluNoDerivativeAtZero) {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    for (const auto& [n_networks, dropout] : {std::pair{1U, 0.0}, std::pair{1U, 0.25}, std::pair{2U, 0.0}}) {
      const testing::Sweep sweep = at_the_kink(precision, n_networks, dropout);
      const testing::Outcome outcome = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 2, 2);
      const std::vector<float> before = initial_state(sweep.trials.front()).parameters;
      const std::vector<float>& after = outcome.states.front().parameters;
      ASSERT_EQ(after.size(), 7U * 24 + 25 * 13 + 14 * 3);
      for (std::size_t p = 0; p < after.size(); ++p) {
        const bool is_output_bias = p >= after.size() - 14 * 3 && (after.size() - p) % 14 == 1;
        EXPECT_EQ(after[p] != before[p], is_output_bias) << name(precision) << ", parameter " << p;
      }
    }
  }
}

}  // namespace
}  // namespace shoal
