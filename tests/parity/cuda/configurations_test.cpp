// Networks of every kind, many in a sweep, under every schedule of threads and with the race checker on: engine cuda
// against the bits of the CPU engine, in fast precisions and engine cublas against derived bounds. Over the emulated
// device, or on a GPU.
#include <algorithm>
#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/supported.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "tests/parity/cuda/bounds.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::BoundsTally;
using testing::first_difference;
using testing::kDiverging;
using testing::kNetworks;
using testing::kThreadSweeps;
using testing::Outcome;
using testing::Random;
using testing::Sweep;
using testing::train;

using MakeSweep = Sweep (*)(Random&, std::uint32_t);
using MakeEngine = std::unique_ptr<Engine> (*)(const Dataset&, const EngineOptions&);

constexpr std::uint32_t kBlockSweeps = 40;
static_assert(kBlockSweeps * kNetworks == 320, "configurations of engine cuda, a block each");
constexpr std::uint32_t kCohortSweeps = 44;
static_assert(kCohortSweeps * (kNetworks - 1) == 308, "configurations of engine cublas in fp32");
constexpr std::uint32_t kFastSweeps = 12;
static_assert(kFastSweeps * (kNetworks - 1) == 84,
              "configurations in another precision, and of blocks that are not strict");

/// Of sweeps 0 to n those that are trained here.
constexpr std::size_t share_of(std::uint32_t n) { return (n - 1) / kShare + 1; }

Sweep drawn(MakeSweep make, std::uint32_t number) {
  Random random(4711 + number);
  return make(random, number);
}

/// What was trained and compared.
struct Counts {
  std::size_t n_configurations = 0;
  std::size_t n_trainings = 0;  ///< of a configuration under a schedule
  std::map<TrialStatus, std::size_t> by_status;
};

void expect_to_have_looked(const RaceWatch& watch) {
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 100'000'000U) << watch.n_accesses();
}

/// Trains each sweep by 4 epochs and by 1 a call, in turn. A race is thrown.
Counts expect_equal_bits(std::uint32_t n_sweeps, MakeSweep make) {
  Counts counts;
  RaceWatch watch;
  for (std::uint32_t number = 0; number < n_sweeps; number += kShare) {
    const Sweep sweep = drawn(make, number);
    const Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    for (const TrialState& state : expected.states) ++counts.by_status[state.status];
    counts.n_configurations += expected.states.size();
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      set_schedule(schedule);
      const Outcome got = train(*make_cuda_engine(sweep.data, sweep.options), sweep, schedule % 2 == 0 ? 4 : 1);
      EXPECT_EQ(first_difference(got, expected), "") << "sweep " << number << ", schedule " << schedule;
      EXPECT_EQ(n_allocations(), 0U);
      counts.n_trainings += got.states.size();
    }
  }
  EXPECT_EQ(counts.n_trainings, counts.n_configurations * kSchedules);
  for (const TrialStatus status : {TrialStatus::finished, TrialStatus::stopped, TrialStatus::diverged}) {
    EXPECT_TRUE(kShare > 1 || counts.by_status[status] > 0) << name(status);
  }
  expect_to_have_looked(watch);
  return counts;
}

/// Rates at which no sum overflows, and not so many steps that bounds say nothing.
Sweep drawn_cohorts(std::uint32_t number) {
  Sweep sweep = drawn(testing::random_sweep, number);
  for (Slot slot = 0; slot < kNetworks; ++slot) {
    Hyperparameters& h = sweep.trials[slot].hyperparameters;
    if (slot != kDiverging) h.learning_rate_init *= 0.01;
    if (h.batch_size == 1) h.batch_size = 4;
    sweep.gangs[slot].key = gang_key(sweep.trials[slot]);
  }
  return sweep;
}

/// By 4 epochs and by 1 a call, each under one schedule after another: the same company and the same calls of cuBLAS,
/// so the same bits. Networks that have ended leave between calls, so the two are of other products.
std::array<Outcome, 2> train_cohorts(MakeEngine make, const Sweep& sweep, std::uint32_t number,
                                     std::size_t& n_trainings) {
  std::array<Outcome, 2> first;
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const Outcome got = train(*make(sweep.data, sweep.options), sweep, schedule % 2 == 0 ? 4 : 1);
    EXPECT_EQ(n_allocations(), 0U);
    n_trainings += got.states.size() - 1;
    Outcome& expected = first[schedule % 2];
    if (schedule < 2) expected = got;
    EXPECT_EQ(first_difference(got, expected), "") << "sweep " << number << ", schedule " << schedule;
  }
  if constexpr (kProductsIgnoreCompany) {
    EXPECT_EQ(first_difference(first[1], first[0]), "") << "sweep " << number;
  }
  return first;
}

/// All but the one that diverges.
std::size_t compare_cohorts(const verify::Products& products, const Sweep& sweep, const Outcome& outcome,
                            BoundsTally& tally) {
  for (Slot slot = 0; slot < kNetworks; ++slot) {
    if (slot != kDiverging) testing::compare_with_bounds(products, sweep, slot, outcome, tally);
  }
  return kNetworks - 1;
}

/// least_sharp: of a hundred bounds, so that they cannot come to admit anything.
void expect_bounds(MakeEngine make, std::uint32_t n_sweeps, Precision precision, const verify::Products& products,
                   std::size_t least_sharp) {
  BoundsTally tally;
  std::size_t n_comparisons = 0;
  std::size_t n_trainings = 0;
  RaceWatch watch;
  for (std::uint32_t number = 0; number < n_sweeps; number += kShare) {
    Sweep sweep = drawn_cohorts(number);
    sweep.options.precision = precision;
    for (const Outcome& outcome : train_cohorts(make, sweep, number, n_trainings)) {
      n_comparisons += compare_cohorts(products, sweep, outcome, tally);
    }
    ASSERT_EQ(tally.n_breaches, 0U) << "sweep " << number << ", " << tally.first_breach;
  }
  EXPECT_EQ(n_comparisons, 2 * 7U * share_of(n_sweeps));
  EXPECT_EQ(n_trainings, 7U * share_of(n_sweeps) * kSchedules);
  EXPECT_TRUE(kShare > 1 || tally.n_sharp * 100 >= tally.n_values * least_sharp)
      << tally.n_sharp << " of " << tally.n_values;
  expect_to_have_looked(watch);
}

TEST(SHOAL_CUDA_SUITE, CublasFp32StaysWithinBoundsInCompany) {
  expect_bounds(make_cublas_engine, kCohortSweeps, Precision::fp32, verify::kFp32Products, 50);
}

TEST(SHOAL_CUDA_SUITE, CublasTf32StaysWithinBoundsInCompany) {
  expect_bounds(make_cublas_engine, kFastSweeps, Precision::tf32, verify::kTf32Products, 30);
}

TEST(SHOAL_CUDA_SUITE, CublasBf16StaysWithinBoundsInCompany) {
  expect_bounds(make_cublas_engine, kFastSweeps, Precision::bf16, verify::kBf16Products, 25);
}

TEST(SHOAL_CUDA_SUITE, BlocksInFp32StayWithinBoundsInCompany) {
  expect_bounds(make_cuda_engine, kFastSweeps, Precision::fp32, verify::kFp32Products, 50);
}

TEST(SHOAL_CUDA_SUITE, BlocksInTf32StayWithinBoundsInCompany) {
  expect_bounds(make_cuda_engine, kFastSweeps, Precision::tf32, verify::kTf32Products, 30);
}

TEST(SHOAL_CUDA_SUITE, BlocksInBf16StayWithinBoundsInCompany) {
  expect_bounds(make_cuda_engine, kFastSweeps, Precision::bf16, verify::kBf16Products, 25);
}

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngineWithABlockANetwork) {
  const Counts counts = expect_equal_bits(kBlockSweeps, testing::random_sweep);
  EXPECT_EQ(counts.n_configurations, 8U * share_of(kBlockSweeps));
}

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngineWithAThreadANetwork) {
  const Counts counts = expect_equal_bits(kThreadSweeps, testing::random_thread_sweep);
  EXPECT_GE(counts.n_configurations, kShare == 1 ? 4110U : share_of(kThreadSweeps));
}

TEST(SHOAL_CUDA_SUITE, IsComparedWithEveryKernelOfAThreadANetwork) {
  std::set<const cuda::ThreadKernel*> trained;
  for (std::uint32_t number = 0; number < kThreadSweeps; ++number) {
    const Sweep sweep = drawn(testing::random_thread_sweep, number);
    trained.insert(cuda::compiled_thread_kernel(sweep.gangs[0].key, !sweep.data.weights.empty()));
  }
  EXPECT_FALSE(trained.contains(nullptr));
  EXPECT_EQ(trained.size(), cuda::compiled_thread_kernels().size());
}

std::size_t n_breaches(const verify::Products& products, const Sweep& sweep, const Outcome& outcome) {
  BoundsTally tally;
  compare_cohorts(products, sweep, outcome, tally);
  return tally.n_breaches;
}

Outcome trained_cohorts(MakeEngine make, Sweep& sweep, Precision precision) {
  sweep.options.precision = precision;
  return train(*make(sweep.data, sweep.options), sweep, 4);
}

void expect_precisions_told_apart(MakeEngine make) {
  std::size_t n_tf32_for_fp32 = 0;
  std::size_t n_bf16_for_tf32 = 0;
  // tf32's bound is that of the worst case, and so admits bf16's errors of most networks.
  for (std::uint32_t number = 0; number < 20; ++number) {
    Sweep sweep = drawn_cohorts(number);
    n_tf32_for_fp32 += n_breaches(verify::kFp32Products, sweep, trained_cohorts(make, sweep, Precision::tf32));
    n_bf16_for_tf32 += n_breaches(verify::kTf32Products, sweep, trained_cohorts(make, sweep, Precision::bf16));
  }
  EXPECT_GT(n_tf32_for_fp32, 0U);
  EXPECT_GT(n_bf16_for_tf32, 0U);
}

TEST(SHOAL_CUDA_SUITE, CublasBoundsInCompanyTellThePrecisionsApart) {
  expect_precisions_told_apart(make_cublas_engine);
}

TEST(SHOAL_CUDA_SUITE, BlocksBoundsInCompanyTellThePrecisionsApart) { expect_precisions_told_apart(make_cuda_engine); }

TEST(SHOAL_CUDA_SUITE, CublasBoundsInCompanySeeAnotherNetworksNumbers) {
  Sweep sweep = drawn_cohorts(1);
  const Outcome outcome = trained_cohorts(make_cublas_engine, sweep, Precision::fp32);
  EXPECT_EQ(n_breaches(verify::kFp32Products, sweep, outcome), 0U);
  const auto breaches_after = [&](auto change) {
    Outcome changed = outcome;
    change(changed);
    return n_breaches(verify::kFp32Products, sweep, changed);
  };
  EXPECT_EQ(breaches_after([](Outcome& o) { ++o.states[0].epoch; }), 1U);
  EXPECT_EQ(breaches_after([](Outcome& o) { o.records[1].front().train_loss *= 1.01; }), 1U);
  EXPECT_EQ(breaches_after([](Outcome& o) { o.states[2].parameters[0] += 0.001F; }), 1U);
  EXPECT_GT(breaches_after([](Outcome& o) { std::swap(o.states[0], o.states[1]); }), 1U);
}

std::set<std::string> kinds_of(const Sweep& sweep, const Trial& trial) {
  const Hyperparameters& h = trial.hyperparameters;
  std::set<std::string> kinds;
  const auto has = [&](std::string_view what, auto value) {
    kinds.insert(std::string(what) + ' ' + std::string(value));
  };
  const auto if_so = [&](bool is, const char* what) { kinds.insert(is ? what : std::string("no ") + what); };
  for (const Activation f : trial.topology.activations) has("activation", name(f));
  for (const std::int32_t width : trial.topology.hidden_layer_sizes) has("width", std::to_string(width));
  has("depth", std::to_string(trial.topology.hidden_layer_sizes.size()));
  has("loss", name(h.loss));
  has("solver", name(h.solver));
  has("schedule", name(h.learning_rate));
  has("init", name(h.init));
  has("bias", name(h.bias_init));
  has("shuffle", name(h.shuffle));
  has("class weight", name(h.class_weight));
  has("fold", std::to_string(trial.fold));
  has("metric", name(sweep.options.metric));
  if_so(h.label_smoothing > 0, "smoothing");
  if_so(h.layer_rate < 1, "rates of layers");
  if_so(h.momentum > 0, "momentum");
  if_so(h.nesterovs_momentum, "nesterov");
  if_so(h.alpha > 0, "alpha");
  if_so(h.l1 > 0, "l1");
  if_so(h.clip_norm > 0, "clipping");
  if_so(h.dropout > 0, "dropout");
  if_so(h.n_iter_no_change > 0, "patience");
  if_so(!sweep.data.weights.empty(), "weights of rows");
  const std::size_t n_rows = sweep.data.splits[trial.fold].training.size();
  if_so(h.batch_size > 0 && n_rows % static_cast<std::size_t>(h.batch_size) != 0, "shorter last minibatch");
  return kinds;
}

TEST(SHOAL_CUDA_SUITE, ConfigurationsAreDistinctAndOfEveryKind) {
  std::vector<Trial> all;
  std::set<std::string> kinds;
  for (std::uint32_t number = 0; number < kBlockSweeps; ++number) {
    const Sweep sweep = drawn_cohorts(number);
    for (Slot slot = 0; slot < kNetworks; ++slot) {
      const Trial& trial = sweep.trials[slot];
      if (slot != kDiverging) kinds.merge(kinds_of(sweep, trial));
      EXPECT_TRUE(std::ranges::none_of(all,
                                       [&](const Trial& other) {
                                         return other.topology == trial.topology &&
                                                other.hyperparameters == trial.hyperparameters;
                                       }))
          << "sweep " << number << ", network " << slot;
      all.push_back(trial);
    }
  }
  EXPECT_EQ(all.size(), 320U);
  const auto expect_all = [&](const std::string& what, const auto& names) {
    for (const auto& word : names) EXPECT_TRUE(kinds.contains(what + ' ' + std::string(word))) << what << ' ' << word;
  };
  expect_all("activation", activation_names());
  expect_all("loss", loss_names());
  expect_all("solver", solver_names());
  expect_all("schedule", schedule_names());
  expect_all("init", init_names().first(7));  // zeros train nothing
  expect_all("bias", bias_init_names());
  expect_all("shuffle", shuffle_names());
  expect_all("class weight", class_weight_names());
  expect_all("depth", std::vector{"0", "1", "2", "3", "4", "5"});
  expect_all("width", std::vector{"1", "2", "3", "31", "32", "33", "40", "70", "220"});
  expect_all("fold", std::vector{"0", "1"});
  expect_all("metric", std::vector{name(Metric::val_loss), name(Metric::train_loss)});
  for (const char* what : {"smoothing", "rates of layers", "momentum", "nesterov", "alpha", "l1", "clipping", "dropout",
                           "patience", "weights of rows", "shorter last minibatch"}) {
    EXPECT_TRUE(kinds.contains(what) && kinds.contains(std::string("no ") + what)) << what;
  }
}

}  // namespace
}  // namespace shoal
