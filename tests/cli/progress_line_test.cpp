#include "cli/progress_line.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

Progress halfway() {
  return {.n_trials = 2000,
          .n_done = 860,
          .n_diverged = 3,
          .epochs_done = 43900,
          .epochs_total = 100000,
          .elapsed_s = 55,
          .samples_per_s = 1234567,
          .remaining_s = 72,
          .best_id = "3fa9c1d2e4b5a697",
          .best_metric = 0.9342};
}

TEST(LiveLine, ShowsEverythingIn120Columns) {
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 120, {}),
            "#########............   43%  860/2000 trials  1.23M samples/s  best 3fa9c1d2 val_accuracy 0.9342  3 "
            "diverged  ETA 1m 12s");
}

TEST(LiveLine, DropsTrialsAndThenSpeedWhereTheyDoNotFit) {
  // Without the trials the facts are 80 columns; without the speed 63, which leaves 14 for the bar in 79.
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 80, {}),
            " 43%  1.23M samples/s  best 3fa9c1d2 val_accuracy 0.9342  3 diverged  ETA 1m 12s");
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 79, {}),
            "######........   43%  best 3fa9c1d2 val_accuracy 0.9342  3 diverged  ETA 1m 12s");
}

TEST(LiveLine, SaysAHundredPercentOnlyOnceEveryTrialHasEnded) {
  Progress progress = halfway();
  progress.epochs_done = 100001;
  EXPECT_EQ(live_line(progress, "val_accuracy", 16, {}), " 99%  ETA 1m 12s");
  progress.n_done = 2000;
  EXPECT_EQ(live_line(progress, "val_accuracy", 16, {}), "100%  ETA 1m 12s");
}

TEST(LiveLine, KeepsShareAndTimeLeftIn40Columns) {
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 40, {}), "#########.............   43%  ETA 1m 12s");
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 16, {}), " 43%  ETA 1m 12s");
  EXPECT_EQ(live_line(halfway(), "val_accuracy", 3, {}), " 43");
}

TEST(LiveLine, NeverExceedsTheWidth) {
  for (std::size_t width = 1; width < 200; ++width) {
    EXPECT_LE(display_width(live_line(halfway(), "val_balanced_accuracy", width, {.unicode = true})), width);
  }
}

TEST(LiveLine, BeginsEmptyAndEndsFull) {
  Progress progress;
  progress.n_trials = 4;
  progress.epochs_total = 100;
  progress.remaining_s = std::nan("");
  EXPECT_EQ(live_line(progress, "val_loss", 60, {}), "......................    0%  0/4 trials  0 samples/s  ETA -");
  progress.n_done = 4;
  progress.epochs_done = 100;
  progress.remaining_s = 0;
  EXPECT_TRUE(live_line(progress, "val_loss", 60, {}).starts_with("##########"));
  progress.epochs_done = 99;
  progress.epochs_total = 10000;
  EXPECT_NE(live_line(progress, "val_loss", 60, {}).find("  0%"), std::string::npos);
}

TEST(LiveLine, ColoursBarAndWarning) {
  const std::string line = live_line(halfway(), "val_accuracy", 120, {.colour = true, .unicode = true});
  EXPECT_TRUE(line.starts_with("\x1b[36m━━━━━━━━━\x1b[90m────────────\x1b[0m   43%")) << line;
  EXPECT_NE(line.find("\x1b[33m3 diverged\x1b[0m"), std::string::npos);
}

TEST(PlainLine, SaysTheSameForALog) {
  EXPECT_EQ(plain_line(halfway(), "val_accuracy"),
            " 43% 860/2000 trials, 1.23M samples/s, best 3fa9c1d2e4b5a697 val_accuracy 0.9342, 3 diverged, "
            "55 s elapsed, ETA 1m 12s");
}

TEST(FractionDone, CountsTrialsWhereEpochsAreUnknown) {
  Progress progress;
  EXPECT_EQ(fraction_done(progress), 0);
  progress.n_trials = 4;
  progress.n_done = 1;
  EXPECT_EQ(fraction_done(progress), 0.25);
  progress.epochs_total = 5;
  progress.epochs_done = 7;
  EXPECT_EQ(fraction_done(progress), 1);
}

}  // namespace
}  // namespace shoal::cli
