// Kernels for topologies that the program has not: built when a gang needs them, kept on disk, with the bits of the CPU
// engine. Over the emulated device, or on a GPU.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/kernel_builder.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/cuda/training_cost.hpp"
#include "engine/definition.hpp"
#if defined(SHOAL_EMULATION)
#include "tests/emulation/nvrtc.hpp"
#endif
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;
using testing::first_difference;
using testing::Outcome;
using testing::Random;
using testing::Sweep;
using testing::train;

/// Kernels are kept in an empty folder of the test's own.
class BuiltKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::why_no_builder().empty()) GTEST_SKIP() << cuda::why_no_builder();
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("XDG_CACHE_HOME");
    fs::remove_all(folder_);
  }
  [[nodiscard]] std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    if (!fs::exists(fs::path(folder_) / "shoal" / "kernels")) return files;
    for (const auto& entry : fs::directory_iterator(fs::path(folder_) / "shoal" / "kernels")) files.push_back(entry);
    return files;
  }

  std::string folder_ = (fs::temp_directory_path() / "shoal-kernels-XXXXXX").string();
};

/// Nothing that a plain kernel leaves out.
void make_plain(Hyperparameters& h) {
  h.l1 = h.clip_norm = h.dropout = 0;
  h.layer_rate = 1;
  h.class_weight = ClassWeight::none;
  if (h.learning_rate == Schedule::adaptive) h.learning_rate = Schedule::constant;
}

/// A gang of networks of such sizes that ask for anything a trial can ask for, but for shuffles of their own.
Sweep sweep_of(const std::vector<std::int32_t>& sizes, Task task, std::uint32_t n_networks) {
  Random random(4711);
  Sweep sweep;
  sweep.data = testing::random_dataset(random, task, 40, sizes.front(), sizes.back(), true);
  sweep.options.metric = Metric::val_loss;
  Trial shared = testing::random_trial(random, sweep.data);
  shared.topology.n_inputs = sizes.front();
  shared.topology.hidden_layer_sizes.assign(sizes.begin() + 1, sizes.end() - 1);
  shared.topology.activations.assign(sizes.size() - 2, Activation::tanh);
  shared.topology.n_outputs = sizes.back();
  shared.hyperparameters.shuffle = Shuffle::shared;
  shared.hyperparameters.max_iter = 4;
  for (std::uint32_t i = 0; i < n_networks; ++i) {
    Trial trial = testing::random_trial(random, sweep.data);
    trial.topology = shared.topology;
    Hyperparameters& h = trial.hyperparameters;
    h.loss = shared.hyperparameters.loss;
    h.solver = shared.hyperparameters.solver;
    h.batch_size = shared.hyperparameters.batch_size;
    h.shuffle = Shuffle::shared;
    h.max_iter = 1 + i % 4;
    h.clip_norm = 0.5;
    if (i % 7 == 6) h.learning_rate_init = 1e6;  // diverges
    trial.shuffle_seed = shared.shuffle_seed;
    sweep.trials.push_back(trial);
  }
  sweep.gangs = {{gang_key(sweep.trials[0]), 0, n_networks, true, true}};
  return sweep;
}

std::string difference(const Sweep& sweep, std::uint32_t epochs = 4) {
  return first_difference(train(*make_cuda_engine(sweep.data, sweep.options), sweep, epochs),
                          train(*make_cpu_engine(sweep.data, sweep.options), sweep, epochs));
}

TEST_F(BuiltKernels, TrainTheBitsOfTheCpuEngine) {
  const Sweep sweeps[] = {sweep_of({1, 5, 1}, Task::regression, 130), sweep_of({3, 2}, Task::classification, 70),
                          sweep_of({2, 2, 3, 1}, Task::regression, 64)};
  for (const Sweep& sweep : sweeps) {
    ASSERT_EQ(cuda::compiled_thread_kernel(sweep.gangs[0].key, true), nullptr);
    ASSERT_TRUE(cuda::can_have_threads(sweep.gangs[0], true));
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      set_schedule(schedule);
      EXPECT_EQ(difference(sweep, 1 + schedule % 4), "") << "schedule " << schedule;
    }
  }
  EXPECT_EQ(kept().size(), 3U);
}

/// Plain ones, for which there are kernels of an activation and a solver.
Sweep plain_sweep(const std::vector<std::int32_t>& sizes, Activation activation, Solver solver) {
  Sweep sweep = sweep_of(sizes, Task::regression, 64);
  sweep.data.weights.clear();
  for (Trial& trial : sweep.trials) {
    trial.topology.activations.assign(sizes.size() - 2, activation);
    make_plain(trial.hyperparameters);
    trial.hyperparameters.loss = Loss::squared_error;
    trial.hyperparameters.solver = solver;
  }
  sweep.gangs[0].key = gang_key(sweep.trials[0]);
  return sweep;
}

TEST_F(BuiltKernels, TrainTheBitsOfTheCpuEngineWithoutWhatPlainNetworksLack) {
  for (const auto& [activation, solver] :
       {std::pair(Activation::gelu, Solver::sgd), std::pair(Activation::relu, Solver::adam)}) {
    const Sweep sweep = plain_sweep({2, 5, 1}, activation, solver);
    const cuda::ThreadVariant variant = cuda::thread_variant(sweep.gangs[0].key, false);
    EXPECT_EQ(variant,
              (cuda::ThreadVariant{true, static_cast<cuda::Act>(activation), static_cast<cuda::SolverKind>(solver)}));
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      set_schedule(schedule);
      EXPECT_EQ(difference(sweep, 1 + schedule % 4), "") << name(activation) << ", schedule " << schedule;
    }
  }
  EXPECT_EQ(kept().size(), 2U);
}

TEST_F(BuiltKernels, AreBuiltAgainWhereAFileIsDamaged) {
  const Sweep sweep = sweep_of({1, 3, 1}, Task::regression, 64);
  EXPECT_EQ(difference(sweep), "");
  ASSERT_EQ(kept().size(), 1U);
  const fs::path file = kept().front();
  const auto size = static_cast<std::streamoff>(fs::file_size(file));
  for (const std::streamoff at : {std::streamoff{3}, std::streamoff{20}, size / 2, size - 1}) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(at);
    const auto was = static_cast<char>(bytes.get());
    bytes.seekp(at);
    bytes.put(static_cast<char>(was ^ 1));
    bytes.close();
    EXPECT_EQ(difference(sweep), "") << "byte " << at;
  }
  fs::resize_file(file, static_cast<std::uintmax_t>(size / 2));
  EXPECT_EQ(difference(sweep), "");
  EXPECT_EQ(fs::file_size(file), static_cast<std::uintmax_t>(size));
}

TEST_F(BuiltKernels, AreNotKeptWhereNothingCanBeWritten) {
  std::ofstream(folder_ + "/shoal") << "no folder";
  EXPECT_EQ(difference(sweep_of({1, 3, 1}, Task::regression, 64)), "");
}

TEST_F(BuiltKernels, AreForManyNetworksThatFitRegisters) {
  EXPECT_FALSE(cuda::can_have_threads(sweep_of({1, 5, 1}, Task::regression, 63).gangs[0], false));
  EXPECT_TRUE(cuda::can_have_threads(sweep_of({1, 5, 1}, Task::regression, 64).gangs[0], false));
  EXPECT_FALSE(cuda::can_have_threads(sweep_of({10, 8, 2}, Task::regression, 128).gangs[0], false));
  const GangKey compiled = sweep_of({1, 2, 2, 1}, Task::regression, 1).gangs[0].key;
  EXPECT_FALSE(cuda::has_built_kernel({compiled, 0, 64, true, true}, true)) << "anything";
  GangKey plain = compiled;
  plain.plain = true;
  plain.loss = Loss::squared_error;
  plain.solver = Solver::sgd;
  plain.topology.activations = {Activation::relu, Activation::relu};
  EXPECT_FALSE(cuda::has_built_kernel({plain, 0, 64, true, false}, false)) << "compiled";
  plain.topology.activations = {Activation::gelu, Activation::gelu};
  EXPECT_TRUE(cuda::has_built_kernel({plain, 0, 64, true, false}, false));
  EXPECT_FALSE(cuda::has_built_kernel({plain, 0, 63, true, false}, false)) << "few";
  EXPECT_TRUE(cuda::can_have_threads({plain, 0, 63, true, false}, false));
  Sweep shuffles = sweep_of({1, 5, 1}, Task::regression, 64);
  shuffles.gangs[0].key.shuffle = Shuffle::per_trial;
  EXPECT_FALSE(cuda::can_have_threads(shuffles.gangs[0], false));
}

/// Costs under which blocks train, on a GPU so slow that they are worth a kernel of their own.
Costs slow_blocks() { return slowed(slowed({}, "strict_layers", 1e20), "block_per_network", 1e9); }

/// Two networks each of three shapes, which have edges, with minibatches of a whole tile and 13 rows.
Sweep sweep_of_blocks(bool drops) {
  Random random(4720);
  Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::classification, 110, 11, 3, drops);
  for (const std::vector<std::int32_t>& hidden : {std::vector<std::int32_t>{37, 16}, {40}, {}}) {
    const auto slot = static_cast<Slot>(sweep.trials.size());
    Trial trial = testing::random_trial(random, sweep.data);
    trial.topology.hidden_layer_sizes = hidden;
    trial.topology.activations.assign(hidden.size(), drops ? Activation::gelu : Activation::relu);
    trial.hyperparameters.batch_size = 45;
    trial.hyperparameters.learning_rate_init = 0.01;
    trial.hyperparameters.dropout = drops ? 0.25 : 0.0;
    sweep.trials.insert(sweep.trials.end(), 2, trial);
    ++sweep.trials.back().seed;
    sweep.gangs.push_back({gang_key(trial), slot, 2, true, drops});
  }
  sweep.options.costs = slow_blocks();
  return sweep;
}

TEST_F(BuiltKernels, OfBlocksTrainTheBitsOfTheCpuEngine) {
  for (const bool drops : {false, true}) {
    const Sweep sweep = sweep_of_blocks(drops);
    for (std::uint32_t schedule = 0; schedule < kSchedules; schedule += 3) {
      set_schedule(schedule);
      EXPECT_EQ(difference(sweep, 1 + schedule % 4), "") << "schedule " << schedule;
    }
  }
  EXPECT_EQ(kept().size(), 5U) << "that without hidden layers is one shape";
}

TEST_F(BuiltKernels, OfBlocksTrainTheBitsOfTheProgramsInFastPrecisions) {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    Sweep sweep = sweep_of_blocks(precision == Precision::bf16);
    sweep.options.precision = precision;
    const std::size_t before = kept().size();
    const Outcome built = train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4);
    EXPECT_EQ(kept().size(), before + 3);
    sweep.options.costs = {};
    EXPECT_EQ(first_difference(built, train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4)), "");
    EXPECT_EQ(kept().size(), before + 3) << "few networks have the program's kernel";
  }
}

/// Where two networks take a second an epoch, a quarter of which a kernel of their own saves, 48 epochs make 12
/// seconds.
TEST_F(BuiltKernels, OfBlocksAreBuiltWhereThatPaysInTheEpochsToCome) {
  Sweep sweep = sweep_of_blocks(false);
  sweep.gangs.resize(1);
  sweep.trials.resize(2);
  const GangKey& key = sweep.gangs[0].key;
  const double of_network = cuda::block_epoch(sweep.options.costs.cuda, cuda::NetworkShape(key.topology, false),
                                              key.solver, epoch_rows(key, sweep.data))
                                .full;
  sweep.options.costs = slowed(sweep.options.costs, "block_per_network", 0.5 / of_network);
  sweep.gangs[0].n_epochs = 44;
  make_cuda_engine(sweep.data, sweep.options)->prepare(sweep.gangs);
  EXPECT_EQ(kept().size(), 0U);
  sweep.gangs[0].n_epochs = 52;
  make_cuda_engine(sweep.data, sweep.options)->prepare(sweep.gangs);
  EXPECT_EQ(kept().size(), 1U);
}

#if defined(SHOAL_EMULATION)

TEST_F(BuiltKernels, AreDoneWithoutWhereTheyCannotBeBuilt) {
  // Of blocks; of threads, where the program has none for the topology, and where it has one for anything.
  for (const Sweep& sweep : {sweep_of_blocks(false), sweep_of({1, 3, 1}, Task::regression, 64),
                             plain_sweep({2, 3, 3, 2}, Activation::gelu, Solver::sgd)}) {
    const auto engine = make_cuda_engine(sweep.data, sweep.options);
    const std::size_t before = emulation::n_compilations();
    emulation::refuse_compilation(true);
    const Outcome trained = train(*engine, sweep, 4);
    emulation::refuse_compilation(false);
    EXPECT_EQ(first_difference(trained, train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4)), "");
    EXPECT_LE(emulation::n_compilations(), before + 1) << "one is tried for all shapes";
    ASSERT_EQ(engine->notes().size(), 1U);
    EXPECT_TRUE(engine->notes()[0].starts_with("engine cuda: no kernels are built for single shapes"))
        << engine->notes()[0];
    EXPECT_NE(engine->notes()[0].find("error: refused"), std::string::npos) << engine->notes()[0];
  }
  EXPECT_TRUE(kept().empty());
}

TEST_F(BuiltKernels, AreBuiltOnceForAllRuns) {
  const Sweep sweep = sweep_of({1, 3, 1}, Task::regression, 64);
  const std::size_t before = emulation::n_compilations();
  EXPECT_EQ(difference(sweep), "");
  EXPECT_EQ(difference(sweep), "");
  EXPECT_EQ(emulation::n_compilations(), before + 1);
  std::ofstream(kept().front(), std::ios::binary | std::ios::app) << "x";
  EXPECT_EQ(difference(sweep), "");
  EXPECT_EQ(emulation::n_compilations(), before + 2);
}

#endif

}  // namespace
}  // namespace shoal
