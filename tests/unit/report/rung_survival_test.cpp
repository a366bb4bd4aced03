#include "report/rung_survival.hpp"

#include <gtest/gtest.h>

namespace shoal::report {
namespace {

TrialTable table_of(const std::vector<std::tuple<const char*, TrialStatus, std::uint32_t>>& trials) {
  TrialTable table;
  for (const auto& [id, status, epochs] : trials) {
    table.ids.emplace_back(id);
    table.statuses.push_back(status);
    table.epochs.push_back(epochs);
  }
  return table;
}

TEST(RungSurvival, CountsSettingsNotTrials) {
  using enum TrialStatus;
  const RungSurvival survival = rung_survival(table_of({{"a.f0", finished, 9},
                                                        {"a.f1", finished, 9},
                                                        {"b.f0", pruned, 1},
                                                        {"b.f1", diverged, 1},
                                                        {"c", pruned, 1},
                                                        {"d.r1", pruned, 3},
                                                        {"d", pruned, 3},
                                                        {"e", diverged, 2},
                                                        {"f", stopped, 7}}));
  EXPECT_EQ(survival.n_settings, 6U);
  ASSERT_EQ(survival.rungs.size(), 2U);
  const Rung& first = survival.rungs[0];
  EXPECT_EQ(std::tuple(first.epoch, first.n_ended_before, first.n_pruned, first.n_left), std::tuple(1U, 0U, 2U, 4U));
  const Rung& second = survival.rungs[1];
  EXPECT_EQ(std::tuple(second.epoch, second.n_ended_before, second.n_pruned, second.n_left),
            std::tuple(3U, 1U, 1U, 2U));
}

TEST(RungSurvival, HasNoRungWhereNothingWasPruned) {
  const RungSurvival survival = rung_survival(table_of({{"a", TrialStatus::finished, 9}}));
  EXPECT_EQ(survival.n_settings, 1U);
  EXPECT_TRUE(survival.rungs.empty());
}

}  // namespace
}  // namespace shoal::report
