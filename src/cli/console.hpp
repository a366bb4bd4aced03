#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/progress_line.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {

/// Columns of the terminal behind a stream; 0 where it is none.
[[nodiscard]] std::size_t terminal_width(std::FILE* stream);

/// Prints to stdout. A reader that has gone away (`| head -1`) is no error and ends nothing.
void print(std::string_view text);
void print_json(const nlohmann::ordered_json& document);
/// `shoal: ...` on stderr, one line a line of `text`.
void print_error(std::string_view text);
/// Writes out what is buffered. Throws Error where stdout could not take everything (a full disk).
void finish_output();

/// The last line of a terminal, drawn over and over. The cursor is never hidden, so that nothing needs to be put back
/// whatever ends the process. Every call may come from any thread.
class LiveLine {
 public:
  explicit LiveLine(std::FILE* stream) : stream_(stream) {}
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void draw(std::string line);
  void clear();
  /// A line of its own above the live one.
  void say(std::string_view line);

 private:
  void write(const std::string& text);

  std::mutex mutex_;
  std::FILE* stream_;
  std::string drawn_;  ///< what is on the screen; empty: nothing
};

/// The progress of a sweep: one live line on a terminal, a plain line every few seconds elsewhere, nothing on a silent
/// one. Every call may come from any thread.
class ProgressDisplay {
 public:
  enum class Mode : std::uint8_t { live, plain, silent };

  ProgressDisplay(std::FILE* stream, Mode mode, std::string metric);

  /// live on a terminal that can move its cursor; plain elsewhere.
  [[nodiscard]] static Mode mode_of(std::FILE* stream);

  void update(const Progress& progress);
  /// A line of its own above the live line.
  void say(std::string_view line);
  /// Clears the live line, or prints the last plain one.
  void finish();

 private:
  std::mutex mutex_;
  std::FILE* stream_;
  LiveLine line_;
  Mode mode_;
  Looks looks_;
  std::string metric_;
  Progress last_;
  bool has_unprinted_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace shoal::cli
