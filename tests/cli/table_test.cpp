#include "cli/table.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/result_json.hpp"

namespace shoal::cli {
namespace {

Leaderboard board() {
  Leaderboard board;
  board.metric = Metric::val_accuracy;
  board.maximize = true;
  board.n_trials = 7;
  board.rows = {{.rank = 1,
                 .id = "3fa9c1d2e4b5a697",
                 .status = TrialStatus::finished,
                 .epochs = 30,
                 .metric = 0.93421,
                 .parameters = {{"hidden_layer_sizes", "[64, 64]"}, {"momentum", ""}}},
                {.rank = 2,
                 .id = "77.r1",
                 .status = TrialStatus::finished,
                 .epochs = 5,
                 .metric = 0.9,
                 .parameters = {{"hidden_layer_sizes", "[]"}, {"momentum", "0.95"}}}};
  return board;
}

TEST(Table, AlignsNumbersRightAndWordsLeft) {
  EXPECT_EQ(rendered(table_of(board()), 0),
            "rank  trial             val_accuracy  epochs  hidden_layer_sizes  momentum\n"
            "   1  3fa9c1d2e4b5a697       0.93421      30  [64, 64]\n"
            "   2  77.r1                      0.9       5  []                      0.95\n");
}

TEST(Table, NamesTheColumnsThatTheWidthDoesNotHold) {
  EXPECT_EQ(rendered(table_of(board()), 50),
            "rank  trial             val_accuracy  epochs\n"
            "   1  3fa9c1d2e4b5a697       0.93421      30\n"
            "   2  77.r1                      0.9       5\n"
            "not shown, for want of width: hidden_layer_sizes, momentum\n");
}

TEST(Table, ShowsStatusWhereNotAllFinished) {
  Leaderboard diverged = board();
  diverged.rows[1].status = TrialStatus::diverged;
  diverged.rows[1].metric = std::nan("");
  const std::string text = rendered(table_of(diverged), 0);
  EXPECT_NE(text.find("   2  77.r1                        -       5  diverged  []"), std::string::npos) << text;
}

TEST(Table, HasOnlyTitlesWithoutRows) {
  EXPECT_EQ(rendered(table_of(Leaderboard{}), 0), "rank  trial  val_loss  epochs\n");
}

TEST(LeaderboardJson, MakesNullOfNaN) {
  Leaderboard one = board();
  one.rows.resize(1);
  one.rows[0].metric = std::nan("");
  EXPECT_EQ(json_of(one).dump(),
            R"({"metric":"val_accuracy","goal":"maximize","n_trials":7,"rows":[{"rank":1,"id":"3fa9c1d2e4b5a697",)"
            R"("status":"finished","epochs":30,"metric":null,)"
            R"("parameters":{"hidden_layer_sizes":"[64, 64]","momentum":""}}]})");
}

}  // namespace
}  // namespace shoal::cli
