// Whole sweeps on the emulated device, cut into chunks that fit its memory.
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "store/run_directory.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/unit/run/small_sweeps.hpp"

namespace shoal {
namespace {

struct EngineName {
  const char* name;
  Precision precision;
};

class EmulatedSweep : public ::testing::TestWithParam<EngineName> {
 protected:
  EmulatedSweep() {
    small::write_classes(table);
    spec = small::sweep(table, Metric::val_loss, {0.003, 0.01, 0.03});
    spec.axes[2].values = {{std::int64_t{2}}};  // max_iter
    spec.trainer.engine = GetParam().name;
    spec.trainer.precision = GetParam().precision;
  }
  ~EmulatedSweep() override { emulation::reset(); }

  struct Ran {
    PlanSummary plan;
    std::string results;
    RunSummary summary;
  };
  /// planned: called when the plan is made and nothing is trained yet.
  [[nodiscard]] Ran run(const std::string& name, const std::function<void()>& planned = {}) const {
    Ran ran;
    RunOptions options;
    options.out = folder / name;
    options.on_start = [&](const PlanSummary& plan, const std::filesystem::path&) {
      ran.plan = plan;
      if (planned) planned();
    };
    ran.summary = run_sweep(spec, options);
    ran.results = small::content(options.out / "results.csv");
    return ran;
  }

  small::Folder folder;
  std::filesystem::path table = folder / "classes.csv";
  SweepSpec spec;
};

std::uint64_t place_bytes(const PlanSummary& plan) {
  std::uint64_t bytes = 0;
  for (const PlanRow& row : plan.rows) bytes += row.bytes;
  return bytes;
}

TEST_P(EmulatedSweep, IsCutIntoChunksThatFitTheDevice) {
  const Ran whole = run("whole");
  EXPECT_TRUE(whole.plan.on_device);
  EXPECT_EQ(whole.plan.n_chunks, 1U);
  // Four fifths of it lack a third of the places.
  const std::uint64_t device_bytes = (whole.plan.predicted_bytes - place_bytes(whole.plan) / 3) / 4 * 5;
  emulation::limit_device_memory(device_bytes);
  emulation::forget_peak();
  const Ran chunks = run("chunks");
  EXPECT_EQ(chunks.plan.memory_bytes, device_bytes / 5 * 4);
  EXPECT_GT(chunks.plan.n_chunks, 1U);
  EXPECT_LE(emulation::peak_device_bytes(), chunks.plan.memory_bytes);
  EXPECT_EQ(chunks.results, whole.results);
}

TEST_P(EmulatedSweep, StaysWithinTheMemoryThatItIsGiven) {
  const Ran whole = run("whole");
  spec.trainer.memory_bytes = whole.plan.predicted_bytes - 1;
  const Ran chunks = run("chunks");
  EXPECT_EQ(chunks.plan.memory_bytes, whole.plan.predicted_bytes - 1);
  EXPECT_GT(chunks.plan.n_chunks, 1U);
  EXPECT_EQ(chunks.results, whole.results);
}

TEST_P(EmulatedSweep, GoesOnWithFewerNetworksWhereMemoryIsGone) {
  const Ran whole = run("whole");
  const std::uint64_t left = whole.plan.predicted_bytes - place_bytes(whole.plan) / 3;
  const Ran halves = run("halves", [&] { emulation::limit_device_memory(left); });
  EXPECT_EQ(halves.plan.n_chunks, 1U);
  EXPECT_GT(halves.plan.predicted_bytes, left);
  EXPECT_EQ(halves.results, whole.results);
}

TEST_P(EmulatedSweep, ScoresAWinnerThatDroppedUnits) {
  spec.data.test = table;
  spec.axes.push_back({{"dropout"}, {{0.2}}, {}, 0, 0});
  EXPECT_TRUE(run("dropped").summary.test.has_value());
}

TEST_P(EmulatedSweep, LeavesTheNetworksOfBestEpochsWhereRungsEndTrialsWithPatience) {
  spec = small::sweep(table, Metric::val_loss, {0.3, 1.0, 3.0, 10.0});  // some losses rise
  spec.trainer.engine = GetParam().name;
  spec.trainer.precision = GetParam().precision;
  spec.axes.push_back({{"n_iter_no_change"}, {{std::int64_t{50}}}, {}, 0, 0});
  spec.early_terminate.type = Terminator::halving;
  spec.early_terminate.eta = 2;
  const std::string results = run("rungs").results;
  int n_gone_back = 0;
  const store::RunDirectory directory = store::RunDirectory::open(folder / "rungs");
  directory.for_each([&](const store::StoredRow& row, double) {
    if (row.status != TrialStatus::pruned || row.best_epoch == row.epochs) return;
    ++n_gone_back;
    const std::vector<CurvePoint> curve = directory.curve(row.id);
    const double loss = row.metrics.of(Metric::val_loss);
    const auto off = [&](std::uint32_t epoch) { return std::abs(loss - curve.at(epoch - 1).val_loss); };
    EXPECT_LT(off(row.best_epoch), off(row.epochs)) << row.id;
  });
  EXPECT_GT(n_gone_back, 0);
  if (GetParam().precision != Precision::strict) return;
  spec.trainer.engine = "cpu";
  EXPECT_EQ(run("cpu").results, results);
}

INSTANTIATE_TEST_SUITE_P(Engines, EmulatedSweep,
                         ::testing::Values(EngineName{"cuda", Precision::strict}, EngineName{"cublas", Precision::fp32},
                                           EngineName{"cublas", Precision::bf16}),
                         [](const auto& param) {
                           return std::string(param.param.name) + "_" + std::string(name(param.param.precision));
                         });

}  // namespace
}  // namespace shoal
