// What the engines that need a GPU say that they will take of its memory, and what they take.
#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/cuda/blas.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/device_gangs.hpp"
#include "engine/cuda/training.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::below;
using testing::Random;

using MakeEngine = std::unique_ptr<Engine> (*)(const Dataset&, const EngineOptions&);

/// Gangs, and a trial for the first place of each.
struct Company {
  Dataset data;
  std::vector<Trial> trials;
  std::vector<Gang> gangs;
  Metric metric = Metric::val_loss;  ///< watched

  void add(const Trial& trial, std::uint32_t n_slots) {
    const Slot first = gangs.empty() ? 0 : gangs.back().first_slot + gangs.back().n_slots;
    trials.push_back(trial);
    gangs.push_back({gang_key(trial), first, n_slots, trial.hyperparameters.n_iter_no_change > 0,
                     trial.hyperparameters.dropout > 0});
  }
};

/// A table of n_rows, of which each fold trains on `n_training` and evaluates 6; 8 rows are for the test.
Dataset table(Random& random, Task task, std::size_t n_rows, std::size_t n_training, std::size_t n_folds) {
  Dataset data = testing::random_dataset(random, task, n_rows, static_cast<std::int32_t>(1 + below(random, 12)),
                                         static_cast<std::int32_t>(2 + below(random, 3)), below(random, 2) == 0);
  const Split whole = data.splits[0];
  data.splits.clear();
  for (std::size_t fold = 0; fold < n_folds; ++fold) {
    Split& split = data.splits.emplace_back(whole);
    split.training.resize(n_training);
    split.validation.resize(6);
  }
  for (std::uint32_t row = 0; row < 8; ++row) data.test.push_back(row);
  return data;
}

/// Networks of every kind: in turn many narrow ones, some wide ones, few over a long table, few over long epochs.
Company random_company(Random& random, std::uint32_t number) {
  Company company;
  const bool is_long = number % 4 == 2;
  const bool has_long_epochs = number % 4 == 3;
  company.data = table(random, static_cast<Task>(number % 3), is_long ? 120'000 : 4'000, has_long_epochs ? 1'000 : 10,
                       1 + number % 3);
  for (std::uint32_t i = 0; i < 8; ++i) {
    Trial trial = testing::random_trial(random, company.data);
    trial.fold = static_cast<std::uint32_t>(below(random, company.data.splits.size()));
    trial.hyperparameters.max_iter = 3;
    if (has_long_epochs) trial.hyperparameters.batch_size = 100;
    if (number % 4 == 1) {
      trial.topology.hidden_layer_sizes = {static_cast<std::int32_t>(100 + below(random, 150)), 100};
      trial.topology.activations = {Activation::gelu, Activation::relu};
      trial.hyperparameters.batch_size = 8;  // a cohort of them
      trial.hyperparameters.shuffle = Shuffle::shared;
      trial.shuffle_seed = 3;
    }
    constexpr std::uint64_t kMost[] = {120, 5, 3, 7};
    company.add(trial, static_cast<std::uint32_t>(1 + below(random, kMost[number % 4])));
  }
  return company;
}

/// Networks that have a thread each, in gangs that are full or not.
Company tiny_company(Random& random, std::uint32_t number) {
  Company company;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const testing::Sweep sweep = testing::random_thread_sweep(random, number);
    if (i == 0) company.data = sweep.data;
    company.add(sweep.trials[0], static_cast<std::uint32_t>(1 + below(random, 900)));
  }
  return company;
}

/// Evaluates 400 rows, of which the host computes what is watched.
void watch_by_host(Company& company) {
  company.metric = testing::host_metric(company.data.task());
  for (Split& split : company.data.splits) {
    split.validation.resize(400);
    std::iota(split.validation.begin(), split.validation.end(), 0U);
  }
}

Company random_company_by_host(Random& random, std::uint32_t number) {
  Company company = random_company(random, number);
  watch_by_host(company);
  return company;
}

/// Without hidden layers: outputs are most of what networks take.
Company shallow_company(Random& random, std::uint32_t number) {
  Company company;
  company.data = table(random, Task::regression, 1'000, 10, 1);
  watch_by_host(company);
  for (std::uint32_t i = 0; i < 8; ++i) {
    Trial trial = testing::random_trial(random, company.data);
    trial.topology.hidden_layer_sizes.clear();
    trial.topology.activations.clear();
    company.add(trial, 150 + number);
  }
  return company;
}

struct Bytes {
  double predicted = 0, used = 0;
};

std::uint64_t predicted_bytes(const Engine& engine, const std::vector<Gang>& gangs) {
  std::uint64_t bytes = engine.workspace_bytes(gangs);
  for (const Gang& gang : gangs) bytes += gang.n_slots * engine.bytes_per_slot(gang);
  return bytes;
}

void train_and_evaluate(Engine& engine, const Company& company) {
  engine.prepare(company.gangs);
  std::vector<TrainTarget> targets;
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < company.gangs.size(); ++i) {
    slots.push_back(company.gangs[i].first_slot);
    targets.push_back({slots.back(), 2});
    engine.place(slots.back(), company.trials[i], initial_state(company.trials[i]));
  }
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  engine.train(targets, {}, records, lost);
  ASSERT_FALSE(records.empty());
  static_cast<void>(engine.evaluate(slots, RowSet::validation));
  static_cast<void>(engine.evaluate(slots, RowSet::test));
}

/// Without cuBLAS's workspace, which is of one size and would hide what else is wrong.
Bytes measured(MakeEngine make, Precision precision, const Company& company) {
  emulation::forget_peak();
  const auto engine =
      make(company.data, {.precision = precision, .metric = company.metric, .costs = testing::threads_first()});
  const std::uint64_t fixed = precision == Precision::strict ? 0 : cuda::Blas::workspace_bytes();
  const std::uint64_t predicted = predicted_bytes(*engine, company.gangs) - fixed;
  train_and_evaluate(*engine, company);
  return {static_cast<double>(predicted), static_cast<double>(emulation::peak_device_bytes() - fixed)};
}

constexpr double kBytesThatMatter = 3e6;

/// 10 % are promised; here 1.5 % were found, and what is easily forgotten is often less than 10 %.
bool is_near(const Bytes& bytes) {
  return bytes.used >= 0.97 * bytes.predicted && bytes.used <= 1.03 * bytes.predicted;
}

void expect_near(MakeEngine make, Precision precision, Company (*draw)(Random&, std::uint32_t), std::uint32_t n) {
  Random random(4711);
  std::uint32_t n_that_matter = 0;
  for (std::uint32_t number = 0; number < n; number += kShare) {
    const Bytes bytes = measured(make, precision, draw(random, number));
    if (bytes.used < kBytesThatMatter) continue;
    ++n_that_matter;
    EXPECT_TRUE(is_near(bytes)) << name(precision) << ", company " << number << ": " << bytes.predicted
                                << " bytes were predicted, " << bytes.used << " were used";
  }
  EXPECT_GE(2 * kShare * n_that_matter, n);
}

TEST(EmulatedCudaCapacity, IsPredictedForNetworksWithAThreadEach) {
  expect_near(make_cuda_engine, Precision::strict, tiny_company, 8);
}

TEST(EmulatedCudaCapacity, IsPredictedForNetworksWithABlockEach) {
  expect_near(make_cuda_engine, Precision::strict, random_company, 16);
}

TEST(EmulatedCudaCapacity, IsPredictedForCohorts) {
  expect_near(make_cublas_engine, Precision::fp32, random_company, 4);
  expect_near(make_cublas_engine, Precision::bf16, random_company, 4);
}

TEST(EmulatedCudaCapacity, IsPredictedWhereTheHostComputesTheMetric) {
  expect_near(make_cuda_engine, Precision::strict, random_company_by_host, 8);
  expect_near(make_cublas_engine, Precision::fp32, random_company_by_host, 4);
  expect_near(make_cuda_engine, Precision::strict, shallow_company, 1);
  expect_near(make_cublas_engine, Precision::bf16, shallow_company, 1);
}

/// One chunk's memory is given back before the next one's is taken.
TEST(EmulatedCudaCapacity, HoldsOneChunkAtATime) {
  const std::pair<MakeEngine, Precision> engines[] = {{make_cuda_engine, Precision::strict},
                                                      {make_cublas_engine, Precision::fp32}};
  for (const auto& [make, precision] : engines) {
    Random random(4711);
    const Company company = random_company(random, 1);
    GangKey narrow = company.gangs[0].key;
    narrow.topology.hidden_layer_sizes = {1, 1};
    // Parameters of wide networks, then records of many.
    const std::vector<Gang> chunks[] = {{{company.gangs[0].key, 0, 60, true, true}}, {{narrow, 0, 4'000, true, true}}};
    const auto engine = make(company.data, {.precision = precision});
    emulation::forget_peak();
    std::size_t most = 0;
    for (const std::size_t k : {0U, 1U, 0U}) {
      engine->prepare(chunks[k]);
      most = std::max(most, emulation::used_device_bytes());
      const Bytes bytes{static_cast<double>(predicted_bytes(*engine, chunks[k])),
                        static_cast<double>(emulation::used_device_bytes())};
      EXPECT_TRUE(is_near(bytes)) << bytes.predicted << " bytes were predicted, " << bytes.used << " were used";
    }
    EXPECT_EQ(emulation::peak_device_bytes(), most);
  }
}

/// Launches that train a sweep whose orders have room for `order_rows`, and what they leave.
struct Launches {
  std::uint32_t count = 0;
  std::vector<std::vector<float>> parameters;
};
Launches launches(const testing::Sweep& sweep, std::size_t order_rows) {
  const cuda::Stream stream;
  cuda::DeviceTable table(sweep.data, stream);
  cuda::DeviceGangs gangs(sweep.options, table, stream);
  cuda::Training training(sweep.options, table, stream, nullptr, order_rows);
  gangs.prepare(sweep.gangs);
  training.prepare(sweep.gangs, gangs);
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
    gangs.place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
    // Together more epochs than one order may hold.
    targets.push_back({slot, slot < 2 ? 40 - slot : slot + 1});
  }
  gangs.set_targets(targets);
  Launches made;
  std::vector<EpochRecord> records;
  while (training.run(gangs, records)) ++made.count;
  for (const TrainTarget& target : targets) made.parameters.push_back(gangs.read(target.slot).parameters);
  return made;
}

TEST(EmulatedCudaCapacity, OfOrdersIsSharedByLaunchesWithoutChangingABit) {
  Random random(4711);
  testing::Sweep sweep = testing::random_sweep(random, 1);
  for (Trial& trial : sweep.trials) {
    trial.hyperparameters.max_iter = 50;
    trial.hyperparameters.shuffle = Shuffle::shared;
    trial.shuffle_seed = 3;
  }
  for (Gang& gang : sweep.gangs) gang.key = gang_key(sweep.trials[gang.first_slot]);
  const Launches together = launches(sweep, cuda::kOrderRowsInLaunch);
  const Launches apart = launches(sweep, 0);
  EXPECT_EQ(together.count, 1U);
  EXPECT_GT(apart.count, 1U);
  EXPECT_EQ(apart.parameters, together.parameters);
}

/// A negative control: a prediction that forgets the best parameters of networks with patience.
TEST(EmulatedCudaCapacity, IsNotPredictedWhereOneVectorIsForgotten) {
  const std::pair<MakeEngine, Precision> engines[] = {{make_cuda_engine, Precision::strict},
                                                      {make_cublas_engine, Precision::fp32}};
  for (const auto& [make, precision] : engines) {
    Random random(4711);
    Company company = random_company(random, 1);
    for (Gang& gang : company.gangs) gang.keeps_best = false;
    for (Trial& trial : company.trials) trial.hyperparameters.n_iter_no_change = 0;
    const double forgetful = measured(make, precision, company).predicted;
    for (Gang& gang : company.gangs) gang.keeps_best = true;
    Bytes bytes = measured(make, precision, company);
    EXPECT_TRUE(is_near(bytes));
    bytes.predicted = forgetful;
    EXPECT_FALSE(is_near(bytes)) << name(precision);
  }
}

/// Likewise one that forgets the outputs that the host computes the metric of.
TEST(EmulatedCudaCapacity, IsNotPredictedWhereOutputsAreForgotten) {
  const std::pair<MakeEngine, Precision> engines[] = {{make_cuda_engine, Precision::strict},
                                                      {make_cublas_engine, Precision::fp32}};
  for (const auto& [make, precision] : engines) {
    Random random(4711);
    const Company company = shallow_company(random, 0);
    Bytes bytes = measured(make, precision, company);
    EXPECT_TRUE(is_near(bytes));
    const double n_rows = precision == Precision::strict ? 400 : 256;  // at a time
    for (const Gang& gang : company.gangs) {
      bytes.predicted -= gang.n_slots * n_rows * gang.key.topology.n_outputs * sizeof(float);
    }
    EXPECT_FALSE(is_near(bytes)) << name(precision);
  }
}

}  // namespace
}  // namespace shoal
