#include "cli/live_panel.hpp"

#include <gtest/gtest.h>

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

LeaderboardRow row(std::uint32_t rank, const std::string& id, double metric, const std::string& widths,
                   const std::string& rate) {
  return {.rank = rank,
          .id = id,
          .status = TrialStatus::finished,
          .epochs = 30,
          .metric = metric,
          .parameters = {{"hidden_layer_sizes", widths}, {"learning_rate_init", rate}}};
}

/// Half of 1000 network-epochs are done; the first trial ended after 100, better ones after 200 and 400.
Progress half_done() {
  return {.n_trials = 40,
          .n_done = 20,
          .epochs_done = 500,
          .epochs_total = 1000,
          .elapsed_s = 10,
          .samples_per_s = 1500,
          .remaining_s = 10,
          .best_id = "3fa9c1d2e4b5a697",
          .best_metric = 0.9,
          .best = {row(1, "3fa9c1d2e4b5a697", 0.9, "[64, 64]", "0.01"), row(2, "07c41b2a99e0d3f1", 0.85, "[32]", "0.1"),
                   row(3, "a1b2c3d4e5f60718", 0.5, "[32]", "0.001")},
          .best_so_far = {{100, 0.5}, {200, 0.85}, {400, 0.9}},
          .rungs = {{4, 30, 10}, {12, 10, 3}}};
}

std::string panel(std::size_t columns, std::size_t rows, bool unicode = false) {
  return live_panel(half_done(), Metric::val_accuracy, {columns, rows}, {.unicode = unicode});
}

TEST(LivePanel, ShowsBoardCurveAndRungsUnderTheLiveLine) {
  EXPECT_EQ(panel(100, 20),
            "##########...........   50%  20/40 trials  1.50k samples/s  best 3fa9c1d2 val_accuracy 0.9  ETA 10 s\n"
            "rank  trial             val_accuracy  epochs  hidden_layer_sizes  learning_rate_init\n"
            "   1  3fa9c1d2e4b5a697           0.9      30  [64, 64]                          0.01\n"
            "   2  07c41b2a99e0d3f1          0.85      30  [32]                               0.1\n"
            "   3  a1b2c3d4e5f60718           0.5      30  [32]                             0.001\n"
            // 30 of 60 characters are done, of 500 / 30 network-epochs each: the sixth one is at 100.
            "best so far  0.5      ......############@@@@@@@ 0.9\n"
            "rungs  10 of 30 went on after 4 epochs, 3 of 10 after 12");
}

TEST(LivePanel, LeavesOutColumnsAndRungsThatANarrowWindowHasNoRoomFor) {
  EXPECT_EQ(panel(50, 20),
            " 50%  best 3fa9c1d2 val_accuracy 0.9  ETA 10 s\n"
            "rank  trial             val_accuracy  epochs\n"
            "   1  3fa9c1d2e4b5a697           0.9      30\n"
            "   2  07c41b2a99e0d3f1          0.85      30\n"
            "   3  a1b2c3d4e5f60718           0.5      30\n"
            "best so far  0.5   ...######@@@@ 0.9\n"
            "rungs  10 of 30 went on after 4 epochs");
  EXPECT_EQ(panel(34, 20),
            "#########.........   50%  ETA 10 s\n"
            "best so far  0.5  .###@@ 0.9");
}

TEST(LivePanel, LeavesOutRungsThenTheCurveThenTheWorseTrialsInALowWindow) {
  const std::vector<std::string> all = lines_of(panel(100, 20));
  const auto shown = [&](std::size_t rows) { return lines_of(panel(100, rows)); };
  EXPECT_EQ(shown(7), all);
  EXPECT_EQ(shown(6), std::vector(all.begin(), all.begin() + 6));
  EXPECT_EQ(shown(5), std::vector(all.begin(), all.begin() + 5));
  EXPECT_EQ(shown(4), std::vector(all.begin(), all.begin() + 4));
  EXPECT_EQ(shown(3), std::vector(all.begin(), all.begin() + 3));
}

TEST(LivePanel, DrawsTheCurveInBlocksWhereTheLocaleHasThem) {
  EXPECT_EQ(lines_of(panel(100, 20, true)).at(5), "best so far  0.5      ▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇▇▇███████ 0.9");
}

TEST(LivePanel, NeverExceedsTheWindow) {
  for (std::size_t columns = 1; columns < 130; ++columns) {
    for (std::size_t rows = 1; rows < 10; ++rows) {
      const std::vector<std::string> lines = lines_of(panel(columns, rows, true));
      EXPECT_LE(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(display_width(line), columns) << line;
    }
  }
}

TEST(LivePanel, IsTheLiveLineAloneBeforeAnyTrialHasEnded) {
  Progress progress;
  progress.n_trials = 4;
  progress.epochs_total = 100;
  EXPECT_EQ(live_panel(progress, Metric::val_loss, {60, 20}, {}), live_line(progress, "val_loss", 60, {}));
}

TEST(LivePanel, GivesEqualValuesOneHeight) {
  Progress progress = half_done();
  progress.best_so_far = {{100, 0.5}};
  const std::string text = live_panel(progress, Metric::val_accuracy, {100, 20}, {});
  EXPECT_NE(text.find("\nbest so far  0.5      ......................... 0.5\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace shoal::cli
