#include "cli/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>
#include <system_error>
#include <utility>

#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

/// Letters to insert, delete or replace, two swapped neighbours counting as two.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> long_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  std::size_t least = word.size() / 2 + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = candidate.starts_with(word) ? 1 : distance(word, candidate);
    if (d >= least) continue;
    least = d;
    best = &candidate;
  }
  return best == nullptr ? "" : "; did you mean '" + *best + "'?";
}

void check_words(const CLI::App& app, std::span<const std::string> words) {
  const CLI::App* command = &app;
  for (const std::string& word : words) {
    if (word == "--") return;
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const std::vector<std::string> known = long_options(*command);
      if (std::ranges::find(known, name) == known.end()) {
        const std::string of = command == &app ? "" : command->get_name();
        throw UsageError(
            fmt::format("unknown option '{}'{}{}", name, of.empty() ? "" : " of " + of, did_you_mean(name, known)), of);
      }
    } else if (!word.starts_with("-") && command == &app) {
      const std::vector<std::string> known = command_names(app);
      if (std::ranges::find(known, word) == known.end()) {
        throw UsageError("unknown command '" + word + "'" + did_you_mean(word, known));
      }
      command = app.get_subcommand(word);
    }
  }
}

void refuse_word(std::string_view option, std::string_view kind, const std::string& word,
                 std::span<const std::string_view> known) {
  const std::vector<std::string> words(known.begin(), known.end());
  const std::string near = did_you_mean(word, words);
  throw UsageError(fmt::format("{}: unknown {} '{}'{}", option, kind, word,
                               near.empty() ? fmt::format("; known: {}", fmt::join(words, ", ")) : near));
}

std::optional<Metric> metric_by(const std::string& word) {
  if (word.empty()) return std::nullopt;
  const std::optional<Metric> metric = metric_named(word);
  if (!metric) refuse_word("--by", "metric", word, metric_names());
  return metric;
}

std::string not_above_zero(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number > 0) return {};
  return "must be a number above 0, is '" + text + "'";
}

std::function<std::string(const std::string&)> whole_number(std::uint64_t least, std::uint64_t most) {
  return [least, most](const std::string& text) -> std::string {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    if (is_whole && number >= least && number <= most) return {};
    return fmt::format("must be a whole number from {} to {}, is '{}'", least, most, text);
  };
}

std::string empty_path(const std::string& text) {
  return text.empty() ? "must be a path, is empty; without the option there is a default" : "";
}

void check_out(const std::string& run, const std::string& out) {
  if (out.empty()) return;
  const std::string what = part_of_run(run, out);
  if (!what.empty()) throw UsageError("--out: is " + what + "; give another path");
}

void SweepArguments::add_to(CLI::App& command) {
  command.add_option("FILE", file, "The sweep file (YAML)")->required();
  command.add_option("OVERRIDES", overrides, "Keys of the file to override: parameters.max_iter=5 trainer.seed=3")
      ->type_name("key=value");
  command.add_option("--engine", engine, "Same as trainer.engine=E: auto, cpu, cuda, cublas or reference")
      ->type_name("E");
  command.add_option("--threads", threads, "Same as trainer.threads=N; default: one a core")
      ->type_name("N")
      ->check(whole_number(1, kMostThreads));
}

std::vector<std::string> SweepArguments::all_overrides() const {
  std::vector<std::string> all = overrides;
  if (!engine.empty()) all.push_back("trainer.engine=" + engine);
  if (threads) all.push_back("trainer.threads=" + std::to_string(*threads));
  return all;
}

SweepSpec SweepArguments::load() const { return load_sweep(file, all_overrides()); }

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

}  // namespace shoal::cli
