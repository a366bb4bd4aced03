#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/live_panel.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {

/// Columns of the terminal behind a stream; 0 where it is none.
[[nodiscard]] std::size_t terminal_width(std::FILE* stream);
/// What of it may be drawn on: a line as wide as the window would wrap on some terminals, and the last thing that was
/// said stays in sight. Nothing where it is no terminal.
[[nodiscard]] Space drawing_space(std::FILE* stream);

/// Prints to stdout. A reader that has gone away (`| head -1`) is no error and ends nothing.
void print(std::string_view text);
void print_json(const nlohmann::ordered_json& document);
/// `shoal: ...` on stderr, one line a line of `text`.
void print_error(std::string_view text);
/// `note: ...` on stderr.
void print_note(const std::string& text);
/// Writes out what is buffered. False where stdout takes no more: its reader has gone, or the disk is full.
[[nodiscard]] bool output_is_open();
/// Writes out what is buffered. Throws Error where stdout could not take everything (a full disk).
void finish_output();

/// The last lines of a terminal, drawn over and over in place. The cursor is never hidden, so that nothing needs to be
/// put back whatever ends the process. A frame is one write, so that nothing flickers. Every call may come from any
/// thread.
class LiveText {
 public:
  explicit LiveText(std::FILE* stream) : stream_(stream) {}
  ~LiveText() { clear(); }
  LiveText(const LiveText&) = delete;
  LiveText& operator=(const LiveText&) = delete;

  /// Lines without an end after the last one.
  void draw(std::string text);
  void clear();
  /// A line of its own above the live ones.
  void say(std::string_view line);

 private:
  [[nodiscard]] std::string erasing() const;
  /// Puts `text` in place of what is drawn, below lines that stay.
  void replace(const std::string& above, std::string text);
  void write(std::string_view text);

  std::mutex mutex_;
  std::FILE* stream_;
  std::string drawn_;       ///< what is on the screen; empty: nothing
  std::size_t n_rows_ = 0;  ///< that it took
};

/// The progress of a sweep: a live panel on a terminal, a plain line every few seconds elsewhere, nothing on a silent
/// one. Every call may come from any thread.
class ProgressDisplay {
 public:
  enum class Mode : std::uint8_t { live, plain, silent };

  ProgressDisplay(std::FILE* stream, Mode mode, Metric metric);

  /// live on a terminal that can move its cursor; plain elsewhere.
  [[nodiscard]] static Mode mode_of(std::FILE* stream);

  void update(const Progress& progress);
  /// A line of its own above the panel.
  void say(std::string_view line);
  /// Clears the panel, or prints the last plain one.
  void finish();

 private:
  std::mutex mutex_;
  std::FILE* stream_;
  LiveText text_;
  Mode mode_;
  Looks looks_;
  Metric metric_;
  Progress last_;
  bool has_unprinted_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace shoal::cli
