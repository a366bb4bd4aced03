#include "search/population.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <set>

#include "shoal/error.hpp"
#include "spec/nan.hpp"

namespace shoal::search {
namespace {

using Exploits = std::vector<Exploit>;
using Changes = std::vector<std::pair<std::string, double>>;

Axis uniform(const std::string& name, double min, double max) { return {{name}, {}, Distribution::uniform, min, max}; }

/// Settings named `a`, `b`, ..., ranked by a metric that is minimized; seed 7.
struct PopulationTest : testing::Test {
  PopulationTest() {
    spec.trainer.seed = 7;
    spec.early_terminate.type = Terminator::pbt;
    spec.axes = {{{"learning_rate_init"}, {}, Distribution::log_uniform_values, 1e-4, 1},
                 uniform("alpha", 0, 0.01),
                 uniform("momentum", 0, 0.95)};
    trial.hyperparameters.solver = Solver::sgd;
    trial.hyperparameters.learning_rate_init = 0.01;
    trial.hyperparameters.alpha = 0.002;
    trial.hyperparameters.momentum = 0.5;
  }
  [[nodiscard]] Exploits exploits(const std::vector<Standing>& standings, std::uint32_t epoch = 10) const {
    return Population(spec).exploits(epoch, standings);
  }
  [[nodiscard]] Changes explored(const std::string& id, std::uint32_t epoch = 10) const {
    return Population(spec).explored(epoch, id, trial);
  }

  SweepSpec spec;
  Trial trial;
};

std::vector<Standing> standings(const std::vector<double>& values) {
  std::vector<Standing> all;
  for (const double value : values) {
    all.push_back({std::string(1, static_cast<char>('a' + all.size())), true, value, 0, 0});
  }
  return all;
}

// The draws of this seed and epoch, by another implementation of Philox and the hash: 0.1323 for h, 0.8073 for g.
TEST_F(PopulationTest, ReplacesTheWorstQuantileByTheBest) {
  const std::vector<Standing> all = standings({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(exploits(all), (Exploits{{7, 0}, {6, 1}}));
  spec.early_terminate.quantile = 0.5;
  EXPECT_EQ(exploits(all).size(), 4U);
  spec.early_terminate.quantile = 0.12;
  EXPECT_EQ(exploits(all), Exploits{});
}

TEST_F(PopulationTest, CountsAQuantileThatIsAWholeNumberOfSettingsInFull) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(i);
  spec.early_terminate.quantile = 0.29;  // times 100, in doubles: 28.999999999999996
  EXPECT_EQ(exploits(standings(values)).size(), 29U);
}

TEST_F(PopulationTest, DrawsAnewAmongTheValuesThatGridCounts) {
  spec.early_terminate.resample = 1;
  spec.axes = {{{"learning_rate_init"}, {}, Distribution::log_uniform_values, 1e-4, 1, 5}};
  std::set<double> drawn;
  for (std::uint32_t epoch = 1; epoch <= 60; ++epoch) drawn.insert(explored("h", epoch).at(0).second);
  EXPECT_EQ(drawn, (std::set<double>{1e-4, 1e-3, 1e-2, 1e-1, 1}));
}

TEST_F(PopulationTest, RanksTheOtherWayRoundWhereTheMetricIsMaximized) {
  spec.maximize = true;
  EXPECT_EQ(exploits(standings({8, 7, 6, 5, 4, 3, 2, 1})), (Exploits{{7, 0}, {6, 1}}));
}

TEST_F(PopulationTest, DrawsForASettingWhateverItsPlace) {
  std::vector<Standing> all = standings({1, 2, 3, 4, 5, 6, 7, 8});
  std::ranges::reverse(all);
  EXPECT_EQ(exploits(all), (Exploits{{0, 7}, {1, 6}}));
  // Without h, g is the worst of seven and has the draw that it had.
  EXPECT_EQ(exploits(std::vector(all.begin() + 1, all.end())), (Exploits{{0, 6}}));
}

TEST_F(PopulationTest, ReplacesWhatHasNoNumberAndNeverCopiesIt) {
  std::vector<Standing> all = standings({kNaN, 2, 3, 4, 5, 6, 7, std::numeric_limits<double>::infinity()});
  const Exploits some = exploits(all);
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(some[0].setting, 7U);  // both are not finite: the larger id is the worse
  EXPECT_EQ(some[1].setting, 0U);
  for (Standing& standing : all) standing.value = kNaN;
  EXPECT_EQ(exploits(all), Exploits{});
}

TEST_F(PopulationTest, LeavesAloneWhatHasEndedAndDoesNotCopyIt) {
  std::vector<Standing> all = standings({1, 2, 3, 4, 5, 6, 7, 8});
  all[7].competes = false;
  EXPECT_EQ(exploits(all), (Exploits{{6, 1}}));
  all[1].competes = false;
  EXPECT_EQ(exploits(all), (Exploits{{6, 0}}));
  all[0].competes = false;
  EXPECT_EQ(exploits(all), Exploits{});
}

// For h the same implementation gives, as way and value: learning_rate_init 0.1098, 0.9366; alpha 0.0951, 0.952393;
// momentum 0.9280, 0.3415.
TEST_F(PopulationTest, DrawsANumberAnewOrMultipliesIt) {
  EXPECT_EQ(explored("h"), (Changes{{"learning_rate_init", 0.0125}, {"alpha", 0.00952393}, {"momentum", 0.4}}));
  spec.early_terminate.resample = 0;
  EXPECT_EQ(explored("h")[1].second, 0.0025);
}

TEST_F(PopulationTest, KeepsTheDrawsOfAParameterWhenAnotherIsVaried) {
  const Changes before = explored("h");
  spec.axes.insert(spec.axes.begin(), uniform("l1", 0, 1));
  spec.axes.pop_back();
  const Changes after = explored("h");
  EXPECT_EQ(after[1], before[0]);
  EXPECT_EQ(after[2], before[1]);
}

TEST_F(PopulationTest, DrawsOtherwiseAtAnotherEpochAndUnderAnotherSeed) {
  spec.early_terminate.resample = 1;
  std::set<double> values{explored("a")[0].second, explored("b")[0].second, explored("a", 15)[0].second};
  spec.trainer.seed = 8;
  values.insert(explored("a")[0].second);
  EXPECT_EQ(values.size(), 4U);
}

TEST_F(PopulationTest, TakesBothFactorsAboutEquallyOften) {
  spec.early_terminate.resample = 0;
  int n_low = 0;
  for (int i = 0; i < 1000; ++i) {
    const double rate = explored("s" + std::to_string(i))[0].second;
    EXPECT_TRUE(rate == 0.008 || rate == 0.0125) << rate;
    n_low += rate == 0.008 ? 1 : 0;
  }
  EXPECT_NEAR(n_low, 500, 80);  // five standard deviations
}

TEST_F(PopulationTest, StaysWithinTheAxisAndHasSixDigits) {
  spec.early_terminate.perturb = {0.123456789, 987.654321};
  Axis rates{{"learning_rate_init"}, {}, {}, 0, 0};
  rates.values = {{0.02}, {0.009}, {0.01}};
  spec.axes[0] = rates;
  std::set<double> seen;
  for (int i = 0; i < 200; ++i) {
    const Changes changes = explored("s" + std::to_string(i));
    seen.insert(changes[0].second);
    EXPECT_LE(changes[1].second, 0.01);
    EXPECT_GE(changes[1].second, 0);
  }
  EXPECT_EQ(seen, (std::set<double>{0.009, 0.01, 0.02}));
  spec.axes[0].values = {{1e-9}, {1.0}};
  spec.early_terminate.resample = 0;
  seen.clear();
  for (int i = 0; i < 20; ++i) seen.insert(explored("s" + std::to_string(i))[0].second);
  EXPECT_EQ(seen, (std::set<double>{0.00123457, 1}));
}

TEST_F(PopulationTest, TurnsBackAtAnEndOfTheAxis) {
  spec.early_terminate.resample = 0;
  const auto rates = [&](double now) {
    trial.hyperparameters.learning_rate_init = now;
    std::set<double> seen;
    for (int i = 0; i < 20; ++i) seen.insert(explored("s" + std::to_string(i))[0].second);
    return seen;
  };
  EXPECT_EQ(rates(1), (std::set<double>{0.8}));
  EXPECT_EQ(rates(1e-4), (std::set<double>{1.25e-4}));
  EXPECT_EQ(rates(0.9), (std::set<double>{0.72, 1}));
  spec.early_terminate.perturb = {1, 1.5};  // a factor that changes nothing anywhere is what the file asks for
  EXPECT_EQ(rates(0.5), (std::set<double>{0.5, 0.75}));
}

TEST_F(PopulationTest, ChangesNothingThatTheTrialDoesNotUse) {
  trial.hyperparameters.solver = Solver::adam;
  const Changes changes = explored("h");
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[1].first, "alpha");
}

TEST_F(PopulationTest, ExploresOnlyNumbersThatVaryByThemselvesAndMayChangeInTraining) {
  Axis together{{"hidden_layer_sizes", "alpha"}, {}, {}, 0, 0};
  together.values = {{std::vector<std::int64_t>{4}, 0.1}, {std::vector<std::int64_t>{8}, 0.2}};
  Axis constant{{"l1"}, {{0.5}, {0.5}}, {}, 0, 0};
  Axis words{{"solver"}, {{std::string("sgd")}, {std::string("adam")}}, {}, 0, 0};
  spec.axes = {together,
               constant,
               words,
               uniform("momentum", 0.5, 0.5),
               uniform("gamma", 0.1, 0.9),
               uniform("huber_delta", 1, 2),
               {{"max_iter"}, {}, Distribution::int_uniform, 5, 9},
               {{"batch_size"}, {}, Distribution::int_uniform, 5, 9}};
  EXPECT_FALSE(Population(spec).explores());
  spec.axes.push_back(uniform("dropout", 0, 0.5));
  EXPECT_TRUE(Population(spec).explores());
}

TEST(SetExplored, WritesNumbersAndRefusesOthers) {
  Hyperparameters h;
  set_explored(Changes{{"learning_rate_init", 0.5}, {"beta_2", 0.25}}, h);
  EXPECT_EQ(h.learning_rate_init, 0.5);
  EXPECT_EQ(h.beta_2, 0.25);
  EXPECT_THROW(set_explored(Changes{{"max_iter", 3}}, h), Error);
}

}  // namespace
}  // namespace shoal::search
