// What the command line draws while a run goes on: on a terminal, and from a second process that watches.
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "with_doubles.hpp"

namespace shoal::cli {
namespace {

/// The program on a terminal of its own, made by script(1).
Outcome on_terminal(const std::string& environment, const std::string& arguments) {
  const std::string inner = "stty cols 100 rows 20; " + environment + " " + SHOAL_WITH_DOUBLES + " " + arguments;
  return Program("/usr/bin/script", {"-qec", inner, "/dev/null"}).wait();
}

bool has_terminals() {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0 && ::access("/usr/bin/script", X_OK) == 0;
}

TEST(Live, DrawsALivePanelOnATerminalOnly) {
  if (!has_terminals()) GTEST_SKIP() << "script(1) is not installed, or this machine gives no pseudo-terminal";
  const Outcome live = on_terminal("LANG=C.UTF-8 LC_ALL= TERM=xterm NO_COLOR=", "sweep shown.yaml");
  EXPECT_EQ(live.code, 0);
  EXPECT_NE(live.out.find("\n\x1b[36m"), std::string::npos) << live.out;
  EXPECT_EQ(live.out.find("\x1b[?25l"), std::string::npos) << "the cursor stays";
  EXPECT_NE(live.out.find("▁"), std::string::npos) << live.out;
  const Outcome plain = on_terminal("TERM=xterm NO_COLOR=1 LC_ALL=C", "sweep shown.yaml");
  // The first trial ended when half of the work was done: 29 of the curve's 60 characters and the one before it are
  // empty.
  const std::string curve = std::string(30, ' ') + std::string(30, '.') + "@ 0.9\r\n";
  // The first frame is the live line; the second one takes its place; its five lines go before the end is said.
  const std::string frames =
      "results: runs/letters-1\r\n"
      "..............................    0%  0/4 trials  0 samples/s  ETA -\r\x1b[J"
      "100%  4/4 trials  2.50M samples/s  best 3fa9c1d2 val_accuracy 0.9  1 diverged  ETA 0.0 s\r\n"
      "rank  trial             val_accuracy  epochs  alpha\r\n"
      "   1  3fa9c1d2e4b5a697           0.9      30    0.1\r\n"
      "best so far  0.5" +
      curve + "rungs  2 of 4 went on after 4 epochs\r\x1b[4A\x1b[Jno kernels are built\r\n\r\n4 of 4 trials done";
  EXPECT_NE(plain.out.find(frames), std::string::npos) << plain.out;
  EXPECT_EQ(plain.out.find("\x1b[3"), std::string::npos);
  EXPECT_EQ(on_terminal("TERM=dumb", "sweep shown.yaml").out.find('\x1b'), std::string::npos);
  const Outcome bench = on_terminal("TERM=xterm", "bench --repetitions 9");
  EXPECT_NE(bench.out.find("seed: training, 1 of 9 runs done\r\x1b[J"), std::string::npos) << bench.out;
}

constexpr const char* kRunning = "12 of 40 trials ended (30%), 3 pruned, 1 diverged, running\n";
constexpr const char* kRow =
    "rank  trial             val_accuracy  epochs  hidden_layer_sizes  alpha\n"
    "   1  3fa9c1d2e4b5a697           0.9      30  [64, 64]            0.001\n"
    "1 of 40000 trials, largest first\n";

TEST(Live, WatchesARunUntilItIsDoneAndPrintsWhatHasChanged) {
  const Outcome watched = shoal({"top", "d", "-n", "1", "--watch", "0.01"});
  EXPECT_EQ(watched.code, 0);
  EXPECT_EQ(watched.err, "");
  EXPECT_EQ(watched.out, std::string(kRunning) + kRow + "\n40 of 40 trials ended (100%), done\n" + kRow);
  EXPECT_EQ(shoal({"top", "folds", "--watch"}).code, 0);
}

TEST(Live, SaysWhetherAWatchedRunWasStoppedOrKilled) {
  const Outcome halted = shoal({"top", "halted", "-n", "1", "--watch"});
  EXPECT_EQ(halted.code, 3);
  EXPECT_TRUE(halted.out.starts_with(
      "12 of 40 trials ended (30%), 3 pruned, 1 diverged, stopped before its end; --resume goes on\n"))
      << halted.out;
  const Outcome dead = shoal({"top", "dead", "-n", "1", "--watch"});
  EXPECT_EQ(dead.code, 1);
  EXPECT_TRUE(
      dead.out.starts_with("12 of 40 trials ended (30%), 3 pruned, 1 diverged, killed: no process writes it any "
                           "more; --resume goes on from its last checkpoint\n"))
      << dead.out;
}

TEST(Live, WatchesAtIntervalsOfMoreThanNothingAndUpToADay) {
  for (const std::string interval : {"1e-9", "0.5", "86400"}) {
    EXPECT_EQ(shoal({"top", "halted", "-n", "1", "--watch", interval}).code, 3) << interval;
  }
  for (const std::string interval : {"0", "-1", "86400.1", "1e400", "inf", "nan", "2s", "soon"}) {
    const Outcome refused = shoal({"top", "halted", "--watch", interval});
    EXPECT_EQ(refused.code, 2) << interval;
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err, "shoal: --watch: " + interval +
                               " is not more than 0 and at most 86400 seconds\nshoal: see `shoal top --help`\n");
  }
  const Outcome json = shoal({"top", "halted", "--watch", "--json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_EQ(json.err, "shoal: --json excludes --watch\nshoal: see `shoal top --help`\n");
}

TEST(Live, StopsToWatchOnASignal) {
  Program program(SHOAL_WITH_DOUBLES, {"top", "endless", "-n", "1", "--watch", "60"});
  ASSERT_TRUE(program.says("largest first\n"));
  program.signal(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, std::string(kRunning) + kRow);
}

TEST(Live, StopsToWatchWhenItsReaderGoesAway) {
  const std::string command =
      std::string("set -o pipefail; ") + SHOAL_WITH_DOUBLES + " top endless -n 40000 --watch 0.01 | head -1";
  const Outcome outcome = Program("/bin/bash", {"-c", command}).wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, kRunning);
}

TEST(Live, DrawsAWatchedRunInPlaceInALowWindow) {
  if (!has_terminals()) GTEST_SKIP() << "script(1) is not installed, or this machine gives no pseudo-terminal";
  const Outcome outcome = on_terminal("TERM=xterm", "top d -n 40 --watch 0.01");
  EXPECT_EQ(outcome.code, 0);
  // 19 rows: how it stands, titles, 15 trials, how many they are, and one for what had no room.
  EXPECT_NE(outcome.out.find("15 of 40000 trials, largest first\r\x1b[17A\x1b[J12 of 40"), std::string::npos)
      << outcome.out;
}

}  // namespace
}  // namespace shoal::cli
