#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/network.hpp"

namespace shoal {

enum class Solver : std::uint8_t { sgd, adam, adamw, rmsprop };
enum class Schedule : std::uint8_t { constant, step, exponential, cosine, warmup_cosine, invscaling, adaptive };
enum class Init : std::uint8_t {
  glorot_uniform,
  glorot_normal,
  he_uniform,
  he_normal,
  lecun_uniform,
  lecun_normal,
  uniform,
  zeros
};
enum class BiasInit : std::uint8_t { zeros, like_weights };
enum class Shuffle : std::uint8_t { shared, per_trial, none };
enum class ClassWeight : std::uint8_t { none, balanced };

[[nodiscard]] std::string_view name(Solver value);
[[nodiscard]] std::string_view name(Schedule value);
[[nodiscard]] std::string_view name(Init value);
[[nodiscard]] std::string_view name(BiasInit value);
[[nodiscard]] std::string_view name(Shuffle value);
[[nodiscard]] std::string_view name(ClassWeight value);
[[nodiscard]] std::optional<Solver> solver_named(std::string_view word);
[[nodiscard]] std::optional<Schedule> schedule_named(std::string_view word);
[[nodiscard]] std::optional<Init> init_named(std::string_view word);
[[nodiscard]] std::optional<BiasInit> bias_init_named(std::string_view word);
[[nodiscard]] std::optional<Shuffle> shuffle_named(std::string_view word);
[[nodiscard]] std::optional<ClassWeight> class_weight_named(std::string_view word);
[[nodiscard]] std::span<const std::string_view> solver_names();
[[nodiscard]] std::span<const std::string_view> schedule_names();
[[nodiscard]] std::span<const std::string_view> init_names();
[[nodiscard]] std::span<const std::string_view> bias_init_names();
[[nodiscard]] std::span<const std::string_view> shuffle_names();
[[nodiscard]] std::span<const std::string_view> class_weight_names();

/// How one network is trained. Names and defaults are scikit-learn's where scikit-learn has them.
struct Hyperparameters {
  Loss loss = Loss::squared_error;
  double huber_delta = 1;                        ///< huber: where its square becomes a line, in scaled units
  double label_smoothing = 0;                    ///< cross_entropy, in training: share spread over all classes
  ClassWeight class_weight = ClassWeight::none;  ///< of the rows of a class, in training
  Solver solver = Solver::adam;
  double learning_rate_init = 0.001;
  Schedule learning_rate = Schedule::constant;
  double power_t = 0.5;               ///< invscaling: rate = learning_rate_init / (rows seen + 1)^power_t
  std::int32_t step_size = 10;        ///< step: epochs between two drops
  double gamma = 0.1;                 ///< step: factor of a drop; exponential: of an epoch
  double eta_min = 0;                 ///< cosine, warmup_cosine: the rate that the last epoch approaches
  std::int32_t warmup_epochs = 5;     ///< warmup_cosine: epochs before the first one at the full rate
  double layer_rate = 1;              ///< factor of the rate from a layer to the one below it
  double momentum = 0.9;              ///< sgd
  bool nesterovs_momentum = true;     ///< sgd with momentum > 0
  double beta_1 = 0.9;                ///< adam, adamw
  double beta_2 = 0.999;              ///< adam, adamw, rmsprop (its smoothing constant)
  double epsilon = 1e-8;              ///< adam, adamw, rmsprop
  double alpha = 1e-4;                ///< L2 penalty on weights, never on biases; adamw: their decay
  double l1 = 0;                      ///< L1 penalty on weights, never on biases
  double clip_norm = 0;               ///< largest norm of a minibatch's gradient; 0: any
  double dropout = 0;                 ///< share of each hidden layer's units that a row of a minibatch drops
  std::int32_t batch_size = 200;      ///< rows; 0: all of them
  std::int32_t max_iter = 200;        ///< epochs; also the horizon of the cosine schedule
  std::int32_t n_iter_no_change = 0;  ///< patience in epochs; 0: none
  double tol = 1e-4;                  ///< least improvement that patience counts
  Init init = Init::glorot_uniform;
  double init_range = 0.05;  ///< uniform: parameters in (-init_range, init_range)
  std::string init_file{};   ///< safetensors file to begin with instead, as the sweep file names it
  BiasInit bias_init = BiasInit::zeros;
  Shuffle shuffle = Shuffle::shared;

  friend bool operator==(const Hyperparameters&, const Hyperparameters&) = default;
};

/// The moments that a solver keeps of the gradients; see TrialState.
[[nodiscard]] constexpr bool corrects_bias(Solver solver) { return solver == Solver::adam || solver == Solver::adamw; }
[[nodiscard]] constexpr bool has_second_moment(Solver solver) { return solver != Solver::sgd; }
[[nodiscard]] constexpr bool has_first_moment(const Hyperparameters& h) {
  return h.solver == Solver::sgd ? h.momentum > 0 : corrects_bias(h.solver);
}
/// Whether a trial may end early, and then goes back to its best parameters.
[[nodiscard]] constexpr bool has_patience(const Hyperparameters& h) { return h.n_iter_no_change > 0; }

/// One network to train.
struct Trial {
  std::string id;  ///< identity: hash of the canonical settings, then `.rN` (repeat > 0), `.fN` (cross-validation)
  std::uint64_t number = 0;   ///< position in the sweep's expansion; nothing in the result depends on it
  std::uint64_t setting = 0;  ///< position of its setting: same for its folds and repeats
  std::uint32_t repeat = 0;
  std::uint32_t fold = 0;          ///< index of its split in the Dataset
  std::uint64_t seed = 0;          ///< key of its initial parameters
  std::uint64_t shuffle_seed = 0;  ///< key of its row order; equal for all trials of a sweep by default
  Topology topology;
  Hyperparameters hyperparameters;
  std::shared_ptr<const std::vector<float>> start;  ///< what init_file holds, canonical order; null: drawn
};

enum class TrialStatus : std::uint8_t {
  running,   ///< has epochs left
  finished,  ///< reached max_iter
  stopped,   ///< patience ended it
  diverged,  ///< a parameter, an optimizer state or a metric was not finite at an epoch's end
  pruned,    ///< early_terminate ended it at a rung; engines know nothing of it
};
[[nodiscard]] std::string_view name(TrialStatus value);
[[nodiscard]] std::optional<TrialStatus> status_named(std::string_view word);

/// Everything that training changes, in canonical parameter order; lossless, and the same on every strict engine.
/// A trial may start on one engine and go on on another.
struct TrialState {
  std::vector<float> parameters;
  std::vector<float> first_moment;   ///< m of adam and adamw, or sgd's velocity; empty where the solver has none
  std::vector<float> second_moment;  ///< v of adam, adamw and rmsprop; empty elsewhere
  std::uint64_t step = 0;            ///< minibatches so far
  double beta_1_power = 1;           ///< running product, adam and adamw
  double beta_2_power = 1;
  std::uint32_t epoch = 0;       ///< epochs so far
  std::uint32_t n_stalled = 0;   ///< epochs without enough improvement, patience only
  std::uint32_t best_epoch = 0;  ///< 1-based; 0: none yet
  double best_metric = std::numeric_limits<double>::quiet_NaN();
  std::vector<float> best_parameters;  ///< with patience only
  std::uint32_t n_rate_drops = 0;      ///< adaptive: how often the rate has fallen so far
  std::uint32_t n_rate_stalled = 0;    ///< adaptive: epochs whose training loss did not gain tol, in a row
  double best_train_loss = std::numeric_limits<double>::infinity();  ///< adaptive
  TrialStatus status = TrialStatus::running;

  friend bool operator==(const TrialState&, const TrialState&) = default;
};

}  // namespace shoal
