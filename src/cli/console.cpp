#include "cli/console.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "cli/progress_line.hpp"
#include "cli/text.hpp"
#include "shoal/error.hpp"

namespace shoal::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLiveInterval = std::chrono::milliseconds(200);
constexpr auto kPlainInterval = std::chrono::seconds(5);
constexpr winsize kUnknownSize{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};

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

/// Zeros where it is no terminal.
winsize size_of(std::FILE* stream) {
  const int descriptor = ::fileno(stream);
  if (::isatty(descriptor) == 0) return {};
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return kUnknownSize;
  if (size.ws_col == 0) size.ws_col = kUnknownSize.ws_col;
  if (size.ws_row == 0) size.ws_row = kUnknownSize.ws_row;
  return size;
}

/// One less, as long as something is left.
std::size_t one_less(std::size_t n) { return n > 1 ? n - 1 : n; }

}  // namespace

std::size_t terminal_width(std::FILE* stream) { return size_of(stream).ws_col; }

Space drawing_space(std::FILE* stream) {
  const winsize size = size_of(stream);
  return {one_less(size.ws_col), one_less(size.ws_row)};
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

void print_note(const std::string& text) { std::fputs(("note: " + text + '\n').c_str(), stderr); }

bool output_is_open() {
  if (std::fflush(stdout) != 0 && output_failure == 0) output_failure = errno;
  return output_failure == 0;
}

void finish_output() {
  if (output_is_open()) return;
  const int failure = std::exchange(output_failure, 0);
  if (failure != EPIPE) {
    throw Error("cannot write the output: " + std::system_category().message(failure));
  }
}

void LiveText::write(std::string_view text) {
  std::fflush(stream_);
  // The work goes on where nobody reads any more.
  while (!text.empty()) {
    const ssize_t n = ::write(::fileno(stream_), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// What takes away what is drawn: as many rows as it took when it was drawn. Where the window has become narrower
/// since, some terminals have broken its lines anew and some have not, and nothing tells which. Pieces of a panel that
/// stay do less harm than lines above it that go.
std::string LiveText::erasing() const {
  if (n_rows_ == 0) return {};
  return (n_rows_ > 1 ? fmt::format("\r\x1b[{}A", n_rows_ - 1) : "\r") + "\x1b[J";
}

void LiveText::replace(const std::string& above, std::string text) {
  write(erasing() + above + text);
  drawn_ = std::move(text);
  n_rows_ = rows_of(drawn_, terminal_width(stream_));
}

void LiveText::draw(std::string text) {
  const std::lock_guard lock(mutex_);
  replace("", std::move(text));
}

void LiveText::clear() {
  const std::lock_guard lock(mutex_);
  if (n_rows_ > 0) replace("", "");
}

void LiveText::say(std::string_view line) {
  const std::lock_guard lock(mutex_);
  replace(std::string(line) + '\n', drawn_);
}

ProgressDisplay::Mode ProgressDisplay::mode_of(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = terminal == nullptr || *terminal == '\0' || std::string_view(terminal) == "dumb";
  return terminal_width(stream) > 0 && !is_dumb ? Mode::live : Mode::plain;
}

ProgressDisplay::ProgressDisplay(std::FILE* stream, Mode mode, Metric metric)
    : stream_(stream),
      text_(stream),
      mode_(mode),
      looks_{.colour = !has_value("NO_COLOR"), .unicode = is_utf8()},
      metric_(metric),
      next_(Clock::now()) {}

void ProgressDisplay::update(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  last_ = progress;
  has_unprinted_ = true;
  const auto now = Clock::now();
  if (mode_ == Mode::silent || now < next_) return;
  if (mode_ == Mode::live) {
    // The size is asked for each time, so that a resized window needs no signal.
    text_.draw(live_panel(progress, metric_, drawing_space(stream_), looks_));
    next_ = now + kLiveInterval;
  } else {
    text_.say(plain_line(progress, name(metric_)));
    has_unprinted_ = false;
    next_ = now + kPlainInterval;
  }
}

void ProgressDisplay::say(std::string_view line) {
  if (mode_ != Mode::silent) text_.say(line);
}

void ProgressDisplay::finish() {
  const std::lock_guard lock(mutex_);
  text_.clear();
  if (mode_ == Mode::plain && has_unprinted_) text_.say(plain_line(last_, name(metric_)));
  has_unprinted_ = false;
}

}  // namespace shoal::cli
