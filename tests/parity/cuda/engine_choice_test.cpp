// `auto` in strict precision: the CPU or the GPU, by what was measured of both.
#include <cstdlib>
#include <gtest/gtest.h>

#include "run/calibration_file.hpp"
#include "tests/unit/run/small_sweeps.hpp"

namespace shoal {
namespace {

class EngineChoice : public ::testing::Test {
 protected:
  EngineChoice() {
    setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
    small::write_classes(folder / "classes.csv");
    spec = small::sweep(folder / "classes.csv", Metric::val_loss);
    spec.trainer.engine = "auto";
  }
  ~EngineChoice() override { unsetenv("XDG_CACHE_HOME"); }

  /// A machine whose engine takes `times` as long as the shipped costs say.
  static void measured(const std::string& engine, double times) {
    Calibration calibration{engine, run::device_of(engine), {}, {}, {}, 0};
    for (const NamedCost& cost : named_costs()) {
      if (cost.engine == engine) cost.of(calibration.costs) *= times;
    }
    keep(calibration);
  }

  small::Folder folder;
  SweepSpec spec;
};

TEST_F(EngineChoice, IsTheCpuForWhatEndsBeforeAGpuBegins) {
  EXPECT_EQ(plan_sweep(spec).engine, "cpu");
  EXPECT_TRUE(plan_sweep(spec).engine_reason.ends_with("which a GPU takes to begin"));
}

TEST_F(EngineChoice, IsTheGpuWhereTheCpuIsPredictedToTakeLonger) {
  measured("cpu", 1e5);
  const PlanSummary plan = plan_sweep(spec);
  EXPECT_EQ(plan.engine, "cuda");
  EXPECT_TRUE(plan.on_device);
  EXPECT_TRUE(plan.engine_reason.starts_with("cuda: predicted ")) << plan.engine_reason;
  EXPECT_NE(plan.engine_reason.find(" s, cpu "), std::string::npos) << plan.engine_reason;
  RunOptions options;
  options.out = folder / "run";
  static_cast<void>(run_sweep(spec, options));
  const std::string manifest = small::content(options.out / "manifest.json");
  EXPECT_NE(manifest.find("\"reason\": \"cuda: predicted "), std::string::npos);
}

TEST_F(EngineChoice, IsTheCpuWhereTheGpuIsPredictedToTakeLonger) {
  measured("cpu", 1e5);
  measured("cuda", 1e9);
  const PlanSummary plan = plan_sweep(spec);
  EXPECT_EQ(plan.engine, "cpu");
  EXPECT_TRUE(plan.engine_reason.starts_with("cpu: predicted ")) << plan.engine_reason;
  EXPECT_FALSE(plan.on_device);
  EXPECT_LT(plan.estimated_s, 1e5);
}

TEST_F(EngineChoice, ChangesNoResult) {
  const auto results = [&](const char* name) {
    RunOptions options;
    options.out = folder / name;
    static_cast<void>(run_sweep(spec, options));
    return small::content(options.out / "results.csv");
  };
  const std::string on_cpu = results("cpu");
  measured("cpu", 1e5);
  EXPECT_EQ(results("cuda"), on_cpu);
}

}  // namespace
}  // namespace shoal
