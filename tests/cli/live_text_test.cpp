// What is drawn in place on a terminal whose window changes meanwhile.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/console.hpp"

namespace shoal::cli {
namespace {

/// A terminal that shows nothing: what is written to it can be read, to the byte.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : reader_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (reader_ < 0 || ::grantpt(reader_) != 0 || ::unlockpt(reader_) != 0) return;
    stream_ = std::fopen(::ptsname(reader_), "r+");
    if (stream_ == nullptr) return;
    termios raw{};
    ::tcgetattr(::fileno(stream_), &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(::fileno(stream_), TCSANOW, &raw);
    resize(columns);
  }
  ~Terminal() {
    if (stream_ != nullptr) std::fclose(stream_);
    if (reader_ >= 0) ::close(reader_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] std::FILE* stream() const { return stream_; }
  void resize(unsigned short columns) const {
    const winsize size{.ws_row = 20, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(reader_, TIOCSWINSZ, &size);
  }
  /// The next bytes that were written, as many as these; fewer where none come for 10 s.
  [[nodiscard]] std::string written(const std::string& expected) const {
    std::string text;
    std::array<char, 4096> bytes{};
    pollfd waiting{.fd = reader_, .events = POLLIN, .revents = 0};
    while (text.size() < expected.size() && ::poll(&waiting, 1, 10000) > 0) {
      const ssize_t n = ::read(reader_, bytes.data(), bytes.size());
      if (n <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  int reader_ = -1;
  std::FILE* stream_ = nullptr;
};

struct LiveTextTest : testing::Test {
  void SetUp() override {
    if (terminal.stream() == nullptr) GTEST_SKIP() << "this machine gives no pseudo-terminal";
  }
  static std::string panel(std::size_t columns) {
    const Progress progress{
        .n_trials = 4,
        .n_done = 2,
        .epochs_done = 50,
        .epochs_total = 100,
        .remaining_s = 10,
        .best_id = "3fa9c1d2e4b5a697",
        .best_metric = 0.9,
        .best = {{.rank = 1, .id = "3fa9c1d2e4b5a697", .epochs = 30, .metric = 0.9, .parameters = {}}},
        .best_so_far = {{25, 0.9}},
        .rungs = {{4, 4, 2}}};
    return live_panel(progress, Metric::val_accuracy, {columns, 19}, {});
  }
  void expect(const std::string& expected) const { EXPECT_EQ(terminal.written(expected), expected); }

  Terminal terminal = Terminal(100);
};

constexpr const char* kWide =
    "#############.............   50%  2/4 trials  0 samples/s  best 3fa9c1d2 val_accuracy 0.9  ETA 10 s\n"
    "rank  trial             val_accuracy  epochs\n"
    "   1  3fa9c1d2e4b5a697           0.9      30\n"
    "best so far  0.9               ................ 0.9\n"
    "rungs  2 of 4 went on after 4 epochs";
constexpr const char* kNarrow =
    "#######.......   50%  ETA 10 s\n"
    "best so far  0.9   ... 0.9";

TEST_F(LiveTextTest, TakesNoLineAboveAPanelAwayInAWindowThatHasBecomeNarrower) {
  LiveText text(terminal.stream());
  text.say("results: runs/letters-1");
  text.draw(panel(99));
  expect(std::string("results: runs/letters-1\n") + kWide);
  terminal.resize(31);
  text.draw(panel(30));
  // Five lines were drawn; broken anew they would be twelve.
  expect(std::string("\r\x1b[4A\x1b[J") + kNarrow);
  text.clear();
  expect("\r\x1b[1A\x1b[J");
  text.clear();
  text.say("done");
  expect("done\n");
}

TEST_F(LiveTextTest, TakesAWholePanelAwayThatWasDrawnAgainInANarrowerWindow) {
  LiveText text(terminal.stream());
  text.draw(panel(99));
  terminal.resize(31);
  text.say("a checkpoint was not readable");
  expect(kWide + std::string("\r\x1b[4A\x1b[Ja checkpoint was not readable\n") + kWide);
  text.clear();
  // Rows of 31 columns: 4 + 2 + 2 + 2 + 2.
  expect("\r\x1b[11A\x1b[J");
}

}  // namespace
}  // namespace shoal::cli
