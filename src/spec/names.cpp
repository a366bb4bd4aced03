// The words of the sweep file for every enumeration: one table each, in the order of the enumerators.
#include <algorithm>
#include <array>
#include <string_view>

#include "shoal/export.hpp"
#include "shoal/metric.hpp"
#include "shoal/network.hpp"
#include "shoal/sweep.hpp"
#include "shoal/trial.hpp"

namespace shoal {
namespace {

using namespace std::string_view_literals;

constexpr std::array kActivations{"identity"sv, "relu"sv,     "leaky_relu"sv, "sigmoid"sv, "tanh"sv,
                                  "elu"sv,      "softplus"sv, "silu"sv,       "gelu"sv};
constexpr std::array kLosses{"squared_error"sv, "half_squared_error"sv, "absolute_error"sv,
                             "huber"sv,         "cross_entropy"sv,      "binary_cross_entropy"sv};
constexpr std::array kTasks{"classification"sv, "regression"sv, "multilabel"sv};
constexpr std::array kMetrics{"val_loss"sv,     "val_accuracy"sv, "val_balanced_accuracy"sv,
                              "val_macro_f1"sv, "val_auc"sv,      "val_rmse"sv,
                              "val_mae"sv,      "val_r2"sv,       "train_loss"sv};
constexpr std::array kSolvers{"sgd"sv, "adam"sv, "adamw"sv, "rmsprop"sv};
constexpr std::array kSchedules{"constant"sv,      "step"sv,       "exponential"sv, "cosine"sv,
                                "warmup_cosine"sv, "invscaling"sv, "adaptive"sv};
constexpr std::array kInits{"glorot_uniform"sv, "glorot_normal"sv, "he_uniform"sv, "he_normal"sv,
                            "lecun_uniform"sv,  "lecun_normal"sv,  "uniform"sv,    "zeros"sv};
constexpr std::array kBiasInits{"zeros"sv, "like_weights"sv};
constexpr std::array kShuffles{"shared"sv, "per_trial"sv, "none"sv};
constexpr std::array kClassWeights{"none"sv, "balanced"sv};
constexpr std::array kStatuses{"running"sv, "finished"sv, "stopped"sv, "diverged"sv, "pruned"sv};
constexpr std::array kMethods{"grid"sv, "random"sv, "sobol"sv};
constexpr std::array kPrecisions{"strict"sv, "fp32"sv, "tf32"sv, "bf16"sv};
constexpr std::array kTerminators{"none"sv, "halving"sv, "hyperband"sv, "median"sv, "pbt"sv};
constexpr std::array kChoices{"best"sv, "one_standard_error"sv};
constexpr std::array kExportFormats{"onnx"sv, "safetensors"sv, "json"sv, "c"sv};
static_assert(kMetrics.size() == kMetricCount);

template <class Enum, std::size_t N>
std::string_view word(const std::array<std::string_view, N>& words, Enum value) {
  return words.at(static_cast<std::size_t>(value));
}

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& words, std::string_view sought) {
  const auto* found = std::ranges::find(words, sought);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

}  // namespace

std::string_view name(Activation value) { return word(kActivations, value); }
std::string_view name(Loss value) { return word(kLosses, value); }
std::string_view name(Task value) { return word(kTasks, value); }
std::string_view name(Metric value) { return word(kMetrics, value); }
std::string_view name(Solver value) { return word(kSolvers, value); }
std::string_view name(Schedule value) { return word(kSchedules, value); }
std::string_view name(Init value) { return word(kInits, value); }
std::string_view name(BiasInit value) { return word(kBiasInits, value); }
std::string_view name(Shuffle value) { return word(kShuffles, value); }
std::string_view name(ClassWeight value) { return word(kClassWeights, value); }
std::string_view name(TrialStatus value) { return word(kStatuses, value); }
std::string_view name(Method value) { return word(kMethods, value); }
std::string_view name(Precision value) { return word(kPrecisions, value); }
std::string_view name(Choice value) { return word(kChoices, value); }
std::string_view name(Terminator value) { return word(kTerminators, value); }
std::string_view name(ExportFormat value) { return word(kExportFormats, value); }

std::optional<Activation> activation_named(std::string_view sought) {
  return named<Activation>(kActivations, sought == "logistic" ? "sigmoid"sv : sought);
}
std::optional<Loss> loss_named(std::string_view sought) { return named<Loss>(kLosses, sought); }
std::optional<Task> task_named(std::string_view sought) { return named<Task>(kTasks, sought); }
std::optional<Metric> metric_named(std::string_view sought) { return named<Metric>(kMetrics, sought); }
std::optional<Solver> solver_named(std::string_view sought) { return named<Solver>(kSolvers, sought); }
std::optional<Schedule> schedule_named(std::string_view sought) { return named<Schedule>(kSchedules, sought); }
std::optional<Init> init_named(std::string_view sought) { return named<Init>(kInits, sought); }
std::optional<BiasInit> bias_init_named(std::string_view sought) { return named<BiasInit>(kBiasInits, sought); }
std::optional<Shuffle> shuffle_named(std::string_view sought) { return named<Shuffle>(kShuffles, sought); }
std::optional<ClassWeight> class_weight_named(std::string_view sought) {
  return named<ClassWeight>(kClassWeights, sought);
}
std::optional<TrialStatus> status_named(std::string_view sought) { return named<TrialStatus>(kStatuses, sought); }
std::optional<Method> method_named(std::string_view sought) { return named<Method>(kMethods, sought); }
std::optional<Precision> precision_named(std::string_view sought) { return named<Precision>(kPrecisions, sought); }
std::optional<Choice> choice_named(std::string_view sought) { return named<Choice>(kChoices, sought); }
std::optional<Terminator> terminator_named(std::string_view sought) { return named<Terminator>(kTerminators, sought); }
std::optional<ExportFormat> export_format_named(std::string_view sought) {
  return named<ExportFormat>(kExportFormats, sought);
}

std::span<const std::string_view> activation_names() { return kActivations; }
std::span<const std::string_view> loss_names() { return kLosses; }
std::span<const std::string_view> metric_names() { return kMetrics; }
std::span<const std::string_view> solver_names() { return kSolvers; }
std::span<const std::string_view> schedule_names() { return kSchedules; }
std::span<const std::string_view> init_names() { return kInits; }
std::span<const std::string_view> bias_init_names() { return kBiasInits; }
std::span<const std::string_view> shuffle_names() { return kShuffles; }
std::span<const std::string_view> class_weight_names() { return kClassWeights; }
std::span<const std::string_view> export_format_names() { return kExportFormats; }

}  // namespace shoal
