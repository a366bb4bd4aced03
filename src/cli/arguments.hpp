#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/sweep.hpp"

namespace shoal::cli {

/// A fault in the command line; what() is one sentence.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  UsageError(const std::string& what, std::string command) : std::runtime_error(what), command_(std::move(command)) {}

  /// Whose help says more; empty: that of the command that was being read.
  [[nodiscard]] const std::string& command() const noexcept { return command_; }

 private:
  std::string command_;
};

/// `; did you mean 'sweep'?`, or nothing where no candidate is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);
/// Throws UsageError for a command or a long option that `app` does not know, with the nearest one it does.
void check_words(const CLI::App& app, std::span<const std::string> words);

/// Throws the UsageError for a value that is none of `known`: `--by: unknown metric 'val_los'; did you mean
/// 'val_loss'?`
[[noreturn]] void refuse_word(std::string_view option, std::string_view kind, const std::string& word,
                              std::span<const std::string_view> known);
/// The metric that --by names; none where it was not given.
[[nodiscard]] std::optional<Metric> metric_by(const std::string& word);

/// For CLI::Option::check: what is wrong with the text of a number that must be above 0; empty where nothing is.
[[nodiscard]] std::string not_above_zero(const std::string& text);
/// For CLI::Option::check: says what is wrong with the text of a whole number from `least` to `most`.
[[nodiscard]] std::function<std::string(const std::string&)> whole_number(std::uint64_t least, std::uint64_t most);
/// For CLI::Option::check: what is wrong with the text of a path; empty where nothing is.
[[nodiscard]] std::string empty_path(const std::string& text);
/// Throws UsageError where --out is a part of the run that a command reads. out empty: there is none.
void check_out(const std::string& run, const std::string& out);

/// As many as trainer.threads may be.
inline constexpr std::uint64_t kMostThreads = 65536;
/// What every whole number without a bound of its own may be: 2^53, as in a sweep file.
inline constexpr std::uint64_t kMostWhole = std::uint64_t{1} << 53U;

/// The arguments that name a sweep, for the commands that take one.
struct SweepArguments {
  std::string file;
  std::vector<std::string> overrides;
  std::string engine;
  std::optional<std::uint32_t> threads;

  void add_to(CLI::App& command);
  /// --engine and --threads come last: they win over trainer.engine=... and trainer.threads=...
  [[nodiscard]] std::vector<std::string> all_overrides() const;
  [[nodiscard]] SweepSpec load() const;
};

/// A word as a POSIX shell needs it typed.
[[nodiscard]] std::string shell_quoted(const std::string& word);

}  // namespace shoal::cli
