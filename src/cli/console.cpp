#include "cli/console.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLiveInterval = std::chrono::milliseconds(200);
constexpr auto kPlainInterval = std::chrono::seconds(5);
constexpr std::size_t kUnknownWidth = 80;

/// errno of the first failed write to stdout; 0 while there is none.
int output_failure = 0;

bool has_value(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (!has_value(variable)) continue;
    const std::string locale = std::getenv(variable);
    return locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

std::size_t terminal_width(std::FILE* stream) {
  const int descriptor = ::fileno(stream);
  if (::isatty(descriptor) == 0) return 0;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknownWidth;
  return size.ws_col;
}

void print(std::string_view text) {
  if (output_failure != 0) return;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) output_failure = errno;
}

void print_json(const nlohmann::ordered_json& document) {
  print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void print_error(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end != 0) out += "shoal: " + std::string(text.substr(0, end)) + '\n';
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  std::fputs(out.c_str(), stderr);
}

void finish_output() {
  if (std::fflush(stdout) != 0 && output_failure == 0) output_failure = errno;
  const int failure = std::exchange(output_failure, 0);
  if (failure != 0 && failure != EPIPE) {
    throw Error("cannot write the output: " + std::system_category().message(failure));
  }
}

void LiveLine::write(const std::string& text) {
  // The work goes on where nobody reads any more.
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

void LiveLine::draw(std::string line) {
  const std::lock_guard lock(mutex_);
  write("\r\x1b[K" + line);
  drawn_ = std::move(line);
}

void LiveLine::clear() {
  const std::lock_guard lock(mutex_);
  if (!drawn_.empty()) write("\r\x1b[K");
  drawn_.clear();
}

void LiveLine::say(std::string_view line) {
  const std::lock_guard lock(mutex_);
  write((drawn_.empty() ? "" : "\r\x1b[K") + std::string(line) + '\n' + drawn_);
}

ProgressDisplay::Mode ProgressDisplay::mode_of(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = terminal == nullptr || *terminal == '\0' || std::string_view(terminal) == "dumb";
  return terminal_width(stream) > 0 && !is_dumb ? Mode::live : Mode::plain;
}

ProgressDisplay::ProgressDisplay(std::FILE* stream, Mode mode, std::string metric)
    : stream_(stream),
      line_(stream),
      mode_(mode),
      looks_{.colour = !has_value("NO_COLOR"), .unicode = is_utf8()},
      metric_(std::move(metric)),
      next_(Clock::now()) {}

void ProgressDisplay::update(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  last_ = progress;
  has_unprinted_ = true;
  const auto now = Clock::now();
  if (mode_ == Mode::silent || now < next_) return;
  if (mode_ == Mode::live) {
    // The width is asked for each time, so that a resized window needs no signal. A line as wide as the window would
    // wrap on some terminals.
    const std::size_t width = terminal_width(stream_);
    line_.draw(live_line(progress, metric_, width > 1 ? width - 1 : 1, looks_));
    next_ = now + kLiveInterval;
  } else {
    line_.say(plain_line(progress, metric_));
    has_unprinted_ = false;
    next_ = now + kPlainInterval;
  }
}

void ProgressDisplay::say(std::string_view line) {
  if (mode_ != Mode::silent) line_.say(line);
}

void ProgressDisplay::finish() {
  const std::lock_guard lock(mutex_);
  line_.clear();
  if (mode_ == Mode::plain && has_unprinted_) line_.say(plain_line(last_, metric_));
  has_unprinted_ = false;
}

}  // namespace shoal::cli
