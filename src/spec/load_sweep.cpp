#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include "shoal/sweep.hpp"
#include "spec/early_terminate.hpp"
#include "spec/nearest.hpp"
#include "spec/parameter_rules.hpp"
#include "spec/parameters.hpp"
#include "spec/resolved.hpp"
#include "spec/scalar.hpp"
#include "spec/utf8.hpp"
#include "spec/yaml_tree.hpp"

namespace shoal {
namespace spec {
namespace {

using namespace std::string_view_literals;

constexpr std::array kTopKeys{"data"sv,   "method"sv,          "run_cap"sv, "repeat"sv,
                              "metric"sv, "early_terminate"sv, "trainer"sv, "parameters"sv};
constexpr std::array kDataKeys{"train"sv,        "target"sv,     "task"sv,   "categorical"sv, "drop"sv,
                               "groups"sv,       "weights"sv,    "header"sv, "missing"sv,     "scale"sv,
                               "target_scale"sv, "validation"sv, "cv"sv,     "test"sv};
constexpr std::array kMetricKeys{"name"sv, "goal"sv, "choice"sv};
constexpr std::array kTrainerKeys{"engine"sv, "precision"sv,        "seed"sv, "threads"sv,
                                  "memory"sv, "checkpoint_every"sv, "keep"sv};
constexpr std::array kTasks{"classification"sv, "regression"sv, "multilabel"sv, "auto"sv};
constexpr std::array kHeaders{"true"sv, "false"sv, "auto"sv};
constexpr std::array kMissing{"error"sv, "impute"sv};
constexpr std::array kScales{"standard"sv, "minmax"sv, "none"sv};
constexpr std::array kTargetScales{"standard"sv, "none"sv};
constexpr std::array kMethods{"grid"sv, "random"sv, "sobol"sv};
constexpr std::array kGoals{"minimize"sv, "maximize"sv};
constexpr std::array kChoices{"best"sv, "one_standard_error"sv};
constexpr std::array kEngines{"auto"sv, "reference"sv, "cpu"sv, "cuda"sv, "cublas"sv};
constexpr std::array kPrecisions{"strict"sv, "fp32"sv, "tf32"sv, "bf16"sv};

constexpr double kMaxWhole = 9007199254740992.0;  // 2^53
constexpr double kMaxUint32 = 4294967295.0;

/// `20%`
bool is_percentage(std::string_view text) {
  return text.ends_with('%') && number_in(std::string(text.substr(0, text.size() - 1))).has_value();
}

/// Reads one tree into one SweepSpec.
class SweepReader {
 public:
  SweepReader(const YamlTree& root, std::filesystem::path folder, Faults& faults)
      : root_(root), folder_(std::move(folder)), faults_(faults) {}

  SweepSpec read() {
    check_keys(root_, kTopKeys, "");
    read_data();
    if (const auto word = word_at(root_, "", "method", kMethods)) spec_.method = *method_named(*word);
    if (const auto n = whole_at(root_, "", "run_cap", {.min = 1, .max = kMaxWhole})) {
      spec_.run_cap = static_cast<std::uint64_t>(*n);
    }
    if (const auto n = whole_at(root_, "", "repeat", {.min = 1, .max = kMaxUint32})) {
      spec_.repeat = static_cast<std::uint32_t>(*n);
    }
    read_metric();
    if (const YamlEntry* entry = root_.find("early_terminate")) {
      spec_.early_terminate = read_early_terminate(*entry, faults_);
      check_folds(entry->value);
    }
    read_trainer();
    if (const YamlEntry* entry = root_.find("parameters")) {
      spec_.axes = read_parameters(entry->value, spec_.method, faults_);
      check_losses(entry->value);
    }
    check_run_cap();
    faults_.throw_if_any();
    spec_.resolved = resolved_text(spec_, root_.find("data")->value);
    note_places(root_, "");
    return std::move(spec_);
  }

 private:
  static std::string path_of(const std::string& parent, std::string_view key) {
    return parent.empty() ? std::string(key) : parent + '.' + std::string(key);
  }

  void note_places(const YamlTree& map, const std::string& parent) {
    for (const YamlEntry& entry : map.entries) {
      const std::string path = path_of(parent, entry.key);
      spec_.places[path] = {entry.line, entry.value.origin};
      note_places(entry.value, path);
    }
  }

  void check_keys(const YamlTree& map, std::span<const std::string_view> known, const std::string& parent) {
    for (const YamlEntry& entry : map.entries) {
      if (std::ranges::find(known, entry.key) != known.end()) continue;
      faults_.add(entry, path_of(parent, entry.key), "is not a known key" + hint(entry.key, known, parent));
    }
  }

  /// The nearest key, or at the top the place where a parameter's name belongs.
  static std::string hint(const std::string& key, std::span<const std::string_view> known, const std::string& parent) {
    if (parent.empty() && rule_for(key) != nullptr) return "; did you mean 'parameters." + key + "'?";
    return suggestion(key, known);
  }

  /// The map under a top key; nothing where it is not given or not a map.
  const YamlTree* map_at(std::string_view key, std::span<const std::string_view> known) {
    const YamlEntry* entry = root_.find(key);
    if (entry == nullptr) return nullptr;
    if (entry->value.kind != YamlTree::Kind::map) {
      faults_.add(entry->value, std::string(key),
                  "must be a map, is " + described(entry->value) + suggestion("", known));
      return nullptr;
    }
    check_keys(entry->value, known, std::string(key));
    return &entry->value;
  }

  std::optional<std::string> word_at(const YamlTree& map, const std::string& parent, std::string_view key,
                                     std::span<const std::string_view> words) {
    const YamlEntry* entry = map.find(key);
    if (entry == nullptr) return std::nullopt;
    return read_word(entry->value, words, path_of(parent, key), faults_);
  }

  std::optional<std::int64_t> whole_at(const YamlTree& map, const std::string& parent, std::string_view key,
                                       const Range& range) {
    const YamlEntry* entry = map.find(key);
    if (entry == nullptr) return std::nullopt;
    return read_whole_number(entry->value, range, path_of(parent, key), faults_);
  }

  std::optional<std::filesystem::path> path_at(const YamlTree& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    if (entry == nullptr) return std::nullopt;
    if (entry->value.kind != YamlTree::Kind::scalar || entry->value.text.empty()) {
      faults_.add(entry->value, path_of("data", key), "must be the path of a file, is " + described(entry->value));
      return std::nullopt;
    }
    return resolve(entry->value.text);
  }

  [[nodiscard]] std::filesystem::path resolve(const std::string& path) const {
    return (folder_ / path).lexically_normal();
  }

  std::optional<ColumnName> column(const YamlTree& tree, const std::string& path) {
    if (tree.kind != YamlTree::Kind::scalar || tree.text.empty()) {
      faults_.add(tree, path, "must be a column's name or index, is " + described(tree));
      return std::nullopt;
    }
    if (!tree.quoted) {
      if (const auto index = index_in(tree.text)) return ColumnName(*index);
    }
    return ColumnName(tree.text);
  }

  std::optional<std::vector<ColumnName>> columns_at(const YamlTree& data, std::string_view key, bool may_be_empty) {
    const YamlEntry* entry = data.find(key);
    if (entry == nullptr) return std::nullopt;
    const std::string path = path_of("data", key);
    std::vector<ColumnName> columns;
    if (entry->value.kind != YamlTree::Kind::list) {
      if (auto one = column(entry->value, path)) columns.push_back(*std::move(one));
      return columns;
    }
    if (entry->value.items.empty() && !may_be_empty) {
      faults_.add(entry->value, path, "is empty: give at least one column");
    }
    for (std::size_t i = 0; i < entry->value.items.size(); ++i) {
      auto one = column(entry->value.items[i], path + '[' + std::to_string(i) + ']');
      if (one && std::ranges::find(columns, *one) != columns.end()) {
        faults_.add(entry->value.items[i], path + '[' + std::to_string(i) + ']', "names a column twice");
      } else if (one) {
        columns.push_back(*std::move(one));
      }
    }
    return columns;
  }

  void read_data() {
    const YamlEntry* entry = root_.find("data");
    const YamlTree* data = map_at("data", kDataKeys);
    if (data == nullptr) {
      if (entry == nullptr) faults_.add(root_, "data", "is required: data: {train: TABLE}");
      return;
    }
    DataSpec& out = spec_.data;
    if (data->find("train") == nullptr) {
      faults_.add(*entry, "data.train", "is required: the table to train on");
    } else if (auto path = path_at(*data, "train")) {
      out.train = *std::move(path);
    }
    if (auto columns = columns_at(*data, "target", false)) out.target = *std::move(columns);
    if (const auto word = word_at(*data, "data", "task", kTasks)) out.task = task_named(*word);
    out.categorical = columns_at(*data, "categorical", true);
    if (auto columns = columns_at(*data, "drop", true)) out.drop = *std::move(columns);
    if (const YamlEntry* groups = data->find("groups")) out.groups = column(groups->value, "data.groups");
    if (const YamlEntry* weights = data->find("weights")) out.weights = column(weights->value, "data.weights");
    if (const YamlEntry* header = data->find("header")) {
      out.header = flag_in(header->value.text);
      if (!out.header) static_cast<void>(read_word(header->value, kHeaders, "data.header", faults_));
    }
    if (const auto word = word_at(*data, "data", "missing", kMissing)) {
      out.missing = *word == "impute" ? MissingPolicy::impute : MissingPolicy::error;
    }
    if (const auto word = word_at(*data, "data", "scale", kScales)) {
      out.scale = static_cast<InputScale>(std::ranges::find(kScales, *word) - kScales.begin());
    }
    if (const auto word = word_at(*data, "data", "target_scale", kTargetScales)) {
      out.target_scale = *word == "none" ? TargetScale::none : TargetScale::standard;
    }
    read_division(*data);
    out.test = path_at(*data, "test");
  }

  void read_division(const YamlTree& data) {
    DataSpec& out = spec_.data;
    if (const auto folds = whole_at(data, "data", "cv", {.min = 2, .max = 1000000})) {
      out.cv = static_cast<std::int32_t>(*folds);
    }
    const YamlEntry* validation = data.find("validation");
    if (validation == nullptr) return;
    if (data.find("cv") != nullptr) {
      faults_.add(*validation, "data.validation", "cannot stand beside data.cv, whose folds are the validation rows");
    }
    const YamlTree& value = validation->value;
    if (value.kind == YamlTree::Kind::scalar && !value.quoted && number_in(value.text)) {
      const Range fraction{.min = 0, .max = 1, .min_excluded = true, .max_excluded = true};
      if (const auto number = read_number(value, fraction, "data.validation", faults_)) out.validation = *number;
    } else if (value.kind == YamlTree::Kind::scalar && !value.text.empty() && !is_percentage(value.text)) {
      out.validation = resolve(value.text);
    } else {
      faults_.add(value, "data.validation",
                  "must be a fraction such as 0.2 or the path of a file, is " + described(value));
    }
  }

  void read_metric() {
    const YamlTree* metric = map_at("metric", kMetricKeys);
    if (metric == nullptr) return;
    if (const auto word = word_at(*metric, "metric", "name", metric_names())) spec_.metric = *metric_named(*word);
    spec_.maximize = larger_is_better(spec_.metric);
    if (const auto word = word_at(*metric, "metric", "goal", kGoals)) spec_.maximize = *word == "maximize";
    if (const auto word = word_at(*metric, "metric", "choice", kChoices)) spec_.choice = *choice_named(*word);
    if (spec_.choice == Choice::one_standard_error && !spec_.data.cv && spec_.repeat < 2) {
      faults_.add(*metric->find("choice"), "metric.choice",
                  "'one_standard_error' needs several trials a setting: data.cv or repeat");
    }
  }

  void check_folds(const YamlTree& early_terminate) {
    const std::uint32_t folds = spec_.early_terminate.folds;
    if (folds == 0 || folds < static_cast<std::uint32_t>(spec_.data.cv.value_or(0))) return;
    faults_.add(*early_terminate.find("folds"), "early_terminate.folds",
                spec_.data.cv ? "must be less than data.cv, which is " + std::to_string(*spec_.data.cv)
                              : "needs folds: data.cv");
  }

  void read_trainer() {
    const YamlTree* trainer = map_at("trainer", kTrainerKeys);
    if (trainer == nullptr) return;
    TrainerSpec& out = spec_.trainer;
    if (auto word = word_at(*trainer, "trainer", "engine", kEngines)) out.engine = *std::move(word);
    if (const auto word = word_at(*trainer, "trainer", "precision", kPrecisions)) {
      out.precision = *precision_named(*word);
    }
    if (const auto n = whole_at(*trainer, "trainer", "seed", {.min = 0, .max = kMaxWhole})) {
      out.seed = static_cast<std::uint64_t>(*n);
    }
    const YamlEntry* threads = trainer->find("threads");
    if (threads != nullptr && threads->value.text != "all") {
      if (const auto n = whole_at(*trainer, "trainer", "threads", {.min = 1, .max = 65536})) {
        out.threads = static_cast<std::uint32_t>(*n);
      }
    }
    if (const YamlEntry* memory = trainer->find("memory")) {
      const auto bytes = bytes_in(memory->value.text);
      if (bytes) {
        out.memory_bytes = *bytes;
      } else {
        faults_.add(memory->value, "trainer.memory",
                    "must be bytes such as 2GiB, 500MB or 1000000, is " + described(memory->value));
      }
    }
    if (const YamlEntry* every = trainer->find("checkpoint_every")) {
      const Range seconds{.min = 0, .max = 1e9, .min_excluded = true};
      if (const auto s = read_number(every->value, seconds, "trainer.checkpoint_every", faults_)) {
        out.checkpoint_every_s = *s;
      }
    }
    if (const auto n = whole_at(*trainer, "trainer", "keep", {.min = 0, .max = kMaxUint32})) {
      out.keep = static_cast<std::uint32_t>(*n);
    }
  }

  void check_run_cap() {
    if (spec_.run_cap || root_.find("run_cap") != nullptr || spec_.method == Method::grid) return;
    const auto found = std::ranges::find_if(spec_.axes, [](const Axis& axis) {
      return axis.distribution && axis.distribution != Distribution::int_uniform;
    });
    if (found == spec_.axes.end()) return;
    faults_.add(root_, "run_cap",
                "is required: the distribution of parameters." + found->parameters[0] + " has no last value");
  }

  /// Trials whose losses mean different things cannot be ranked by them.
  void check_losses(const YamlTree& parameters) {
    if (spec_.metric != Metric::val_loss && spec_.metric != Metric::train_loss) return;
    check_comparable(parameters, "loss");
    check_comparable(parameters, "huber_delta");
    if (spec_.metric == Metric::val_loss) return;  // which knows nothing of what only training does
    check_comparable(parameters, "label_smoothing");
    check_comparable(parameters, "class_weight");
  }

  void check_comparable(const YamlTree& parameters, std::string_view parameter) {
    for (const Axis& axis : spec_.axes) {
      const auto column = std::ranges::find(axis.parameters, parameter);
      if (column == axis.parameters.end()) continue;
      const auto index = static_cast<std::size_t>(column - axis.parameters.begin());
      const auto of_choice = [&](const auto& choice) { return text(choice[index]); };
      std::vector<std::string> values = {number_text(axis.min), number_text(axis.max)};
      if (!axis.distribution) {
        values.clear();
        std::ranges::transform(axis.values, std::back_inserter(values), of_choice);
      }
      const auto other = std::ranges::find_if(values, [&](const std::string& value) { return value != values[0]; });
      if (other == values.end()) continue;
      const YamlEntry* place = parameters.find(parameter);
      const std::string path = "parameters." + (place != nullptr ? std::string(parameter) : "architecture");
      if (place == nullptr) place = parameters.find("architecture");
      faults_.add(*place, path,
                  "'" + values[0] + "' and '" + *other + "' cannot be compared by " + std::string(name(spec_.metric)) +
                      ": rank by another metric.name");
    }
  }

  const YamlTree& root_;
  std::filesystem::path folder_;
  Faults& faults_;
  SweepSpec spec_;
};

/// A run keeps them as JSON, and reads its tables again by paths that they name.
void check_utf8(std::string_view yaml, const std::string& name, std::span<const std::string> overrides) {
  if (!is_utf8(name)) throw InputError({name, 0, "", "the path of a sweep file must be UTF-8 text"});
  for (const std::string& assignment : overrides) {
    if (!is_utf8(assignment)) throw InputError({"override '" + assignment + "'", 0, "", "is not UTF-8 text"});
  }
  if (is_utf8(yaml)) return;
  int line = 1;
  for (std::size_t end = yaml.find('\n'); is_utf8(yaml.substr(0, end)) && end != std::string_view::npos; ++line) {
    yaml.remove_prefix(end + 1);
    end = yaml.find('\n');
  }
  throw InputError({name, line, "", "is not UTF-8 text; save the sweep file as UTF-8"});
}

}  // namespace
}  // namespace spec

SweepSpec parse_sweep(std::string_view yaml, const std::string& name, const std::filesystem::path& folder,
                      std::span<const std::string> overrides) {
  spec::Faults faults(name);
  spec::check_utf8(yaml, name, overrides);
  spec::YamlTree root = spec::parse_yaml(yaml, name, faults);
  for (const std::string& assignment : overrides) spec::apply_override(root, assignment, faults);
  SweepSpec out = spec::SweepReader(root, folder, faults).read();
  out.file = name;
  return out;
}

SweepSpec load_sweep(const std::filesystem::path& file, std::span<const std::string> overrides) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw InputError({file.string(), 0, "", "there is no such file"});
  if (std::filesystem::is_directory(status)) {
    throw InputError({file.string(), 0, "", "is a directory, not a sweep file"});
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  if (stream.peek() != std::ifstream::traits_type::eof()) content << stream.rdbuf();
  if (!stream.is_open() || stream.bad()) throw InputError({file.string(), 0, "", "cannot be read"});
  return parse_sweep(content.str(), file.string(), file.parent_path(), overrides);
}

}  // namespace shoal
