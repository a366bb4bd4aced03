#include "cli/watch.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <stop_token>
#include <unistd.h>
#include <vector>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

using Clock = std::chrono::steady_clock;
/// Reading takes its time from the run that is read: no more than so much of it.
constexpr int kLeastShare = 10;
/// What is not a row of the table: how the run stands, titles, columns left out, how many are shown.
constexpr std::size_t kOtherLines = 4;

std::string how_it_stands(RunState state) {
  switch (state) {
    case RunState::running:
      return "running";
    case RunState::done:
      return "done";
    case RunState::stopped:
      return "stopped before its end; --resume goes on";
    case RunState::killed:
      return "killed: no process writes it any more; --resume goes on from its last checkpoint";
  }
  return {};
}

std::string status_line(const RunStatus& status) {
  // 100 % is said only of what is done.
  const std::uint64_t most = status.state == RunState::done ? 100 : 99;
  const std::uint64_t percent = status.n_trials > 0 ? std::min(status.n_done * 100 / status.n_trials, most) : 0;
  std::string line = fmt::format("{} of {} ended ({}%)", status.n_done, counted(status.n_trials, "trial"), percent);
  if (status.n_pruned > 0) line += fmt::format(", {} pruned", status.n_pruned);
  if (status.n_diverged > 0) line += fmt::format(", {} diverged", status.n_diverged);
  return line + ", " + how_it_stands(status.state) + '\n';
}

int code_of(RunState state) {
  if (state == RunState::done) return kDone;
  return state == RunState::stopped ? kStopped : kFailed;
}

std::string drawable(const std::string& frame, Space space) {
  std::vector<std::string> lines = lines_of(frame);
  lines.resize(std::min(lines.size(), space.rows));
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + clipped(line, space.columns);
  return out;
}

/// Whether the time has passed without a stop.
bool waited(Clock::duration time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any wake;
  wake.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

int watch_run(const std::filesystem::path& run, double every_s, std::size_t n_rows, const Board& board) {
  const bool is_live = ProgressDisplay::mode_of(stdout) == ProgressDisplay::Mode::live;
  LiveText text(stdout);
  const InterruptWatch interrupt([] {}, [] { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, "\n", 1); });
  std::string printed;
  for (;;) {
    const Clock::time_point start = Clock::now();
    const RunStatus status = run_status(run);
    const Space space = drawing_space(stdout);
    const std::size_t n_fit = space.rows > kOtherLines ? space.rows - kOtherLines : 1;
    const std::string frame =
        status_line(status) + board(is_live ? std::min(n_rows, n_fit) : n_rows, terminal_width(stdout));
    const bool has_ended = status.state != RunState::running;
    if (is_live && !has_ended) {
      text.draw(drawable(frame, space));
    } else if (frame != printed) {
      text.clear();
      print((printed.empty() ? "" : "\n") + frame);
      printed = frame;
    }
    if (has_ended) return code_of(status.state);
    if (!output_is_open()) return kDone;
    const auto pause = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(every_s));
    if (waited(std::max(pause, kLeastShare * (Clock::now() - start)), interrupt.token())) continue;
    text.clear();
    if (is_live) print(frame);
    return kStopped;
  }
}

}  // namespace shoal::cli
