#include "shoal/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>

#include "run/calibration_file.hpp"
#include "run/fit_costs.hpp"
#include "shoal/error.hpp"
#include "small_sweeps.hpp"

namespace shoal {
namespace {

/// Calibrations are kept in a folder of the test's own.
class KeptCalibration : public ::testing::Test {
 protected:
  KeptCalibration() { setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1); }
  ~KeptCalibration() override { unsetenv("XDG_CACHE_HOME"); }

  static Calibration measured() {
    Calibration calibration{"cpu", run::device_of("cpu"), {}, {}, {}, 0};
    calibration.costs.cpu.core_vector = 0.125;
    calibration.costs.cuda.launch = 4;  // not this engine's
    return calibration;
  }
  static double core_vector() { return costs_here().costs.cpu.core_vector; }

  small::Folder folder;
};

TEST_F(KeptCalibration, IsWhatSweepsCountWith) {
  EXPECT_EQ(core_vector(), CpuCosts().core_vector);
  EXPECT_TRUE(costs_here().source.starts_with("cpu: shipped")) << costs_here().source;
  const std::filesystem::path file = keep(measured());
  EXPECT_EQ(file.parent_path(), folder / "cache/shoal/calibration");
  EXPECT_EQ(core_vector(), 0.125);
  EXPECT_EQ(costs_here().costs.cpu.lane_vector, CpuCosts().lane_vector);
  EXPECT_EQ(costs_here().costs.cuda.launch, CudaCosts().launch);
  EXPECT_TRUE(costs_here().source.starts_with("cpu: measured here")) << costs_here().source;
  Calibration again = measured();
  again.costs.cpu.core_vector = 0.5;
  EXPECT_EQ(keep(again), file);
  EXPECT_EQ(core_vector(), 0.5);
}

TEST_F(KeptCalibration, IsLeftAloneWhereItIsDamaged) {
  const std::filesystem::path file = keep(measured());
  const std::string whole = small::content(file);
  const auto with = [&](const std::string& part, const std::string& other) {
    std::string text = whole;
    text.replace(text.find(part), part.size(), other);
    return text;
  };
  for (const std::string& text :
       {std::string(), whole.substr(0, whole.size() / 2), with("0.125", "-0.125"), with("0.125", "\"0.125\""),
        with("0.125", "1e999"), with("core_vector", "corn"), with("{", "[")}) {
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(core_vector(), CpuCosts().core_vector) << text;
    EXPECT_TRUE(costs_here().source.starts_with("cpu: shipped (" + file.string() + " is damaged)"))
        << costs_here().source;
  }
  std::ofstream(file, std::ios::binary) << whole;
  EXPECT_EQ(core_vector(), 0.125) << "the check itself";
}

TEST(Calibration, OfAnotherDeviceOrVersionIsNotTaken) {
  Calibration calibration{"cpu", "a processor", {}, {}, {}, 0};
  calibration.costs.cpu.core_vector = 0.125;
  const std::string text = run::calibration_text(calibration);
  Costs costs;
  EXPECT_EQ(run::read_calibration(text, "cpu", "another", costs), "is of another device");
  EXPECT_EQ(run::read_calibration(text, "cuda", "a processor", costs), "is of another device");
  std::string older = text;
  const std::string word = "\"version\": \"";
  older.insert(older.find(word) + word.size(), "0.0.");
  EXPECT_EQ(run::read_calibration(older, "cpu", "a processor", costs), "is of another version");
  EXPECT_EQ(costs.cpu.core_vector, CpuCosts().core_vector);
  EXPECT_EQ(run::read_calibration(text, "cpu", "a processor", costs), "");
  EXPECT_EQ(costs.cpu.core_vector, 0.125);
}

/// A machine of which the costs are known.
TEST(Calibration, FindsTheCostsThatWorkloadsWereMadeOf) {
  const run::Predict predict = [](const Costs& c) {
    return std::vector{1000 * c.cpu.core_vector, 1000 * c.cpu.core_vector + 200 * c.cpu.core_layer,
                       5 * c.cpu.core_layer + 0.001 * c.cpu.core_epoch,
                       std::max(1000 * c.cpu.lane_vector, 30 * c.cpu.lane_epoch)};
  };
  Costs machine;
  machine.cpu.core_vector *= 3;
  machine.cpu.core_layer /= 4;
  machine.cpu.lane_epoch *= 2;
  const std::vector<double> measured = predict(machine);
  const Costs found = run::fitted({}, "cpu", measured, predict);
  const std::vector<double> predicted = predict(found);
  for (std::size_t i = 0; i < measured.size(); ++i) EXPECT_NEAR(predicted[i] / measured[i], 1, 0.05) << i;
  EXPECT_NEAR(found.cpu.core_vector / machine.cpu.core_vector, 1, 0.05);
  EXPECT_EQ(found.cpu.lane_moments, CpuCosts().lane_moments) << "nothing tells";
  EXPECT_EQ(found.cuda.launch, CudaCosts().launch) << "another engine's";
}

TEST(Calibration, OfThisMachineMovesPredictionsTowardsWhatIsMeasured) {
  const Calibration calibration = calibrate("cpu");
  ASSERT_EQ(calibration.checks.size(), 24U);
  double before = 0;
  double after = 0;
  for (const CalibrationCheck& check : calibration.checks) {
    ASSERT_GT(check.measured_s, 0);
    before += std::pow(1 - check.shipped_s / check.measured_s, 2);
    after += std::pow(1 - check.fitted_s / check.measured_s, 2);
  }
  EXPECT_LE(after, before);
  EXPECT_THROW((void)calibrate("reference"), UnavailableError);
}

}  // namespace
}  // namespace shoal
