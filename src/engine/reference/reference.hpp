#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "shoal/network.hpp"
#include "shoal/trial.hpp"

/// What training means, once more, in double and plain loops (docs/numerics.md). Every other engine is compared with
/// this text, so it shares no formula with them: it includes nothing of kernels/.
namespace shoal::reference {

/// One row as a network sees it.
struct Example {
  std::vector<double> inputs;  ///< [n_inputs], scaled
  std::vector<double>
      targets{};  ///< [n_outputs]; classes: 1 for the row's class, 0 elsewhere, or 0 / 1 with one output
  double weight = 1;
  std::vector<std::vector<double>> dropout{};  ///< factor of each unit of each hidden layer; empty: none
};

/// Everything that a forward pass computes for one row: a layer, then a unit.
struct Trace {
  std::vector<std::vector<double>> z;  ///< before the activation
  std::vector<std::vector<double>> a;  ///< after it and dropout
};

/// Sums over rows and the gradient of a minibatch's objective.
struct Gradient {
  double loss = 0;                ///< sum of weight * row loss, the L2 penalty not counted
  double weight = 0;              ///< sum of weights
  std::vector<double> objective;  ///< of (loss + alpha / 2 * |W|^2 + l1 * |W|_1) / weight, canonical order
};

/// TrialState in double.
struct State {
  std::vector<double> parameters, first_moment, second_moment, best_parameters;
  std::uint64_t step = 0;
  double beta_1_power = 1, beta_2_power = 1;
  std::uint32_t epoch = 0, n_stalled = 0, best_epoch = 0;
  double best_metric = 0;
  std::uint32_t n_rate_drops = 0, n_rate_stalled = 0;
  double best_train_loss = 0;
  TrialStatus status = TrialStatus::running;
};
[[nodiscard]] State widened(const TrialState& state);
[[nodiscard]] TrialState rounded(const State& state);

/// f(z) and df/dz; the derivative at a kink is that of its left side.
struct Response {
  double value, slope;
};
[[nodiscard]] Response respond(Activation f, double z);

[[nodiscard]] Trace forward(const Topology& topology, std::span<const double> parameters, const Example& row);
/// What training aims at: cross-entropy's targets with label smoothing, the others as they are.
[[nodiscard]] std::vector<double> training_targets(const Hyperparameters& hyperparameters,
                                                   std::span<const double> targets);
/// Loss of one row from the output layer's z, its weight not counted. Of `hyperparameters` the loss and its numbers.
[[nodiscard]] double row_loss(const Hyperparameters& hyperparameters, std::span<const double> z,
                              std::span<const double> targets);
/// Its derivative by z; 0 at a kink.
[[nodiscard]] std::vector<double> output_delta(const Hyperparameters& hyperparameters, std::span<const double> z,
                                               std::span<const double> targets);
/// What a prediction shows: softmax or sigmoid of z where the loss has one.
[[nodiscard]] std::vector<double> prediction(Loss loss, std::span<const double> z);

/// The objective of a minibatch, in one pass over its rows.
[[nodiscard]] Gradient gradient(const Topology& topology, const Hyperparameters& hyperparameters,
                                std::span<const double> parameters, std::span<const Example> rows);
/// Shortens a gradient whose norm is above `largest`; 0: any may be.
void clip(double largest, std::span<double> gradient);

/// One step of the trial's solver along `gradient`.
void update(const Topology& topology, const Hyperparameters& hyperparameters, double rate,
            std::span<const double> gradient, State& state);

/// Sums of the rows' losses, each taken before the step that its minibatch made.
struct EpochSums {
  double loss = 0, weight = 0;
};
/// One pass over the training rows in `order`, a step a minibatch; the last may be shorter. Nothing if
/// `stop` came first; the state is of no use then.
[[nodiscard]] std::optional<EpochSums> train_epoch(const Trial& trial, std::span<const std::uint32_t> order,
                                                   const std::function<Example(std::uint32_t)>& example_of, double rate,
                                                   const std::stop_token& stop, State& state);
/// Factors of a row's units at the next minibatch, as Example holds them; `position`: of the row in its minibatch.
[[nodiscard]] std::vector<std::vector<double>> dropout_factors(const Trial& trial, std::uint64_t step,
                                                               std::size_t position);

/// What follows from an epoch that is done (state.epoch counts it): divergence, patience, the adaptive rate, the best
/// parameters, the end. `train_loss`: its mean; `finite`: whether losses and metrics are.
void decide(const Hyperparameters& hyperparameters, bool maximize, double metric, double train_loss, bool finite,
            State& state);

}  // namespace shoal::reference
