#include "verify/checks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "engine/definition.hpp"
#include "engine/reference/reference.hpp"
#include "verify/bounded_training.hpp"
#include "verify/differences.hpp"
#include "verify/random_case.hpp"

namespace shoal::verify {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

/// Counts comparisons and remembers the worst.
class Tally {
 public:
  Tally(const Candidate& candidate, std::string check) {
    row_.engine = candidate.name;
    row_.precision = candidate.precision;
    row_.check = std::move(check);
  }

  void begin(std::uint64_t index) {
    ++row_.n_cases;
    index_ = index;
  }
  /// `bound`: on |found - expected|; NaN equals NaN.
  void compare(double found, double expected, double bound, const char* what, std::size_t at) {
    ++row_.n_values;
    if (std::isinf(bound) || (std::isnan(found) && std::isnan(expected)) || found == expected) return;
    const double error = std::abs(found - expected);
    const double share = std::isnan(error) ? std::numeric_limits<double>::infinity() : error / bound;
    if (share > worst_share_) {
      worst_share_ = share;
      row_.error = error;
      row_.bound = bound;
    }
    if (error <= bound) return;
    if (row_.n_breaches++ == 0) {
      row_.first_breach = "case " + std::to_string(index_) + ", " + what + ' ' + std::to_string(at) + ": " +
                          number(found) + ", not " + number(expected);
    }
  }
  template <class T>
  void compare_bits(const std::vector<T>& found, const std::vector<T>& expected, const char* what) {
    if (found.size() != expected.size()) {
      return compare(static_cast<double>(found.size()), static_cast<double>(expected.size()), 0, what, 0);
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      compare(static_cast<double>(found[i]), static_cast<double>(expected[i]), 0, what, i);
    }
  }
  void compare_bounded(std::span<const float> found, std::span<const Bounded> expected, const char* what) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      compare(static_cast<double>(found[i]), expected[i].value, expected[i].error, what, i);
    }
  }

  [[nodiscard]] VerifyRow row() const { return row_; }

 private:
  VerifyRow row_;
  std::uint64_t index_ = 0;
  double worst_share_ = -1;
};

/// A network's state and records after training.
struct Outcome {
  TrialState state;
  std::vector<EpochRecord> records;
};

/// Copies of a trial that share its gang, where it has a gang: engines may train gangs with few members in another way.
constexpr std::uint32_t kNoCopies = 1;
constexpr std::uint32_t kCopies = 16;

/// Trains `n_copies` of each of `trials` together up to `until` epochs, `step` epochs a call; what becomes of the first
/// of the one at `watched`, which starts from `start`.
Outcome train(Engine& engine, std::span<const Trial> trials, std::uint32_t n_copies, std::size_t watched,
              const TrialState& start, std::uint32_t until, std::uint32_t step) {
  std::vector<Gang> gangs;
  std::vector<Slot> slots;
  std::vector<std::pair<Slot, std::size_t>> places;  // of each copy, and of which trial
  Slot next = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    const GangKey key = gang_key(trial);
    const std::uint32_t n_slots = std::clamp(engine.gang_size(key), 1U, n_copies);
    gangs.push_back({key, next, n_slots, has_patience(trial.hyperparameters), trial.hyperparameters.dropout > 0});
    slots.push_back(next);
    for (std::uint32_t copy = 0; copy < n_slots; ++copy) places.emplace_back(next + copy, i);
    next += n_slots;
  }
  engine.prepare(gangs);
  for (const auto& [slot, i] : places) {
    engine.place(slot, trials[i], i == watched ? start : initial_state(trials[i]));
  }
  Outcome outcome;
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t epoch = std::min(step, until);; epoch = std::min(epoch + step, until)) {
    std::vector<TrainTarget> targets;
    for (const auto& [slot, i] : places) targets.push_back({slot, epoch});
    engine.train(targets, {}, records, lost);
    if (epoch == until) break;
  }
  std::ranges::copy_if(records, std::back_inserter(outcome.records),
                       [&](const EpochRecord& record) { return record.slot == slots[watched]; });
  outcome.state = engine.read(slots[watched]);
  return outcome;
}

void compare_outcomes(Tally& tally, const Outcome& found, const Outcome& expected) {
  tally.compare_bits(found.state.parameters, expected.state.parameters, "parameter");
  tally.compare_bits(found.state.first_moment, expected.state.first_moment, "first moment");
  tally.compare_bits(found.state.second_moment, expected.state.second_moment, "second moment");
  tally.compare_bits(found.state.best_parameters, expected.state.best_parameters, "best parameter");
  const auto numbers = [](const Outcome& outcome) {
    const TrialState& s = outcome.state;
    std::vector<double> all = {static_cast<double>(s.step), static_cast<double>(s.epoch), static_cast<double>(s.status),
                               static_cast<double>(s.n_rate_drops)};
    for (const EpochRecord& r : outcome.records) {
      all.insert(all.end(), {static_cast<double>(r.epoch), r.train_loss, r.train_weight, r.val_loss, r.metric});
    }
    return all;
  };
  tally.compare_bits(numbers(found), numbers(expected), "number of the record");
}

/// Of a case, under which one kernel is the soonest, all of them in turn: else a machine would be checked for those
/// alone that it prefers for networks so small.
Costs costs_of(const Case& of) {
  constexpr std::array kKernels{"thread_per_network", "block_per_network", "strict_layers", "lane_per_network",
                                "core_per_network"};
  constexpr double kSooner = 1e-6;
  return slowed({}, kKernels.at(of.trial.seed % kKernels.size()), kSooner);
}

std::unique_ptr<Engine> engine_of(const Candidate& candidate, const Case& of, std::uint32_t n_threads) {
  return candidate.make(of.dataset, {.precision = candidate.precision, .n_threads = n_threads, .costs = costs_of(of)});
}

const Products& products_of(Precision precision) {
  switch (precision) {
    case Precision::strict:
      return kStrictProducts;
    case Precision::fp32:
      return kFp32Products;
    case Precision::tf32:
      return kTf32Products;
    case Precision::bf16:
      return kBf16Products;
  }
  return kStrictProducts;
}

std::vector<std::uint32_t> all_rows(const Case& of) { return of.dataset.splits.front().training; }

/// The mean of row losses: engines add them in double.
Bounded mean_loss(const BoundedPass& pass, std::span<const reference::Example> rows) {
  double weight = 0;
  for (const reference::Example& row : rows) weight += row.weight;
  return {pass.loss.value / weight, pass.loss.error / weight};
}

void check_gradients(Engine& engine, const Products& products, const Case& of, Tally& tally) {
  const Pass found = engine.pass(of.trial, of.start.parameters, all_rows(of));
  const BoundedPass bound = bounded_pass(products, of.trial, bounded_state(of.start).parameters, of.rows);
  for (std::size_t l = 0; l < bound.z.size(); ++l) {
    const std::size_t n_units = bound.z[l].size();
    for (std::size_t o = 0; o < n_units; ++o) {
      const double z = found.z[l][found.z[l].size() - n_units + o];
      tally.compare(z, bound.z[l][o].value, bound.z[l][o].error, "z of the last row, unit", o);
    }
  }
  const Bounded loss = mean_loss(bound, of.rows);
  tally.compare(found.loss, loss.value, loss.error, "loss", 0);
  for (std::size_t k = 0; k < found.gradient.size(); ++k) {
    tally.compare(found.gradient[k], bound.gradient[k].value, bound.gradient[k].error, "gradient", k);
  }
}

/// What validation measures: no dropout, smoothing or class weights.
Bounded validation_loss(const Products& products, const Case& of, std::span<const Bounded> parameters) {
  Trial trial = of.trial;
  trial.hyperparameters.label_smoothing = 0;
  std::vector<reference::Example> rows = of.rows;
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    rows[row].weight = static_cast<double>(training_weight(of.dataset, {}, row));
  }
  return bounded_pass(products, trial, parameters, rows).loss;
}

/// Some epochs against the error analysis of the same epochs.
void check_run(Engine& engine, const Products& products, const Case& of, std::uint32_t n_copies, std::uint32_t n_epochs,
               Tally& tally) {
  const Outcome found = train(engine, std::span(&of.trial, 1), n_copies, 0, of.start, n_epochs, n_epochs);
  const auto n_rows = static_cast<std::uint32_t>(of.rows.size());
  BoundedState state = bounded_state(of.start);
  for (std::uint32_t epoch = 0; epoch < n_epochs; ++epoch) {
    std::vector<reference::Example> ordered;
    for (const std::uint32_t row : epoch_order(of.trial, n_rows, epoch)) ordered.push_back(of.rows[row]);
    const Bounded loss = bounded_epoch(products, of.trial, ordered, epoch_rate(of.trial, n_rows, epoch), state);
    if (epoch >= found.records.size()) return tally.compare(0, 1, 0, "record of epoch", epoch);
    tally.compare(found.records[epoch].train_loss, loss.value, loss.error, "training loss of epoch", epoch);
    const Bounded validation = validation_loss(products, of, state.parameters);
    tally.compare(found.records[epoch].val_loss, validation.value, validation.error, "validation loss of epoch", epoch);
  }
  tally.compare_bounded(found.state.parameters, state.parameters, "parameter");
  tally.compare_bounded(found.state.first_moment, state.first_moment, "first moment");
  tally.compare_bounded(found.state.second_moment, state.second_moment, "second moment");
}

/// Alone, and among others that stop, diverge and train on, in other calls.
void check_isolation(const Candidate& candidate, const Case& of, std::uint64_t seed, Tally& tally) {
  const auto alone = engine_of(candidate, of, 1);
  const Outcome expected = train(*alone, std::span(&of.trial, 1), kNoCopies, 0, of.start, 3, 1);
  const auto together = engine_of(candidate, of, 2);
  std::vector<Trial> trials = company(of, seed, 5);
  std::erase_if(trials, [&](const Trial& trial) { return !together->why_not(trial).empty(); });
  const std::size_t watched = of.trial.seed % (trials.size() + 1);
  trials.insert(trials.begin() + static_cast<std::ptrdiff_t>(watched), of.trial);
  compare_outcomes(tally, train(*together, trials, kCopies, watched, of.start, 3, 2), expected);
}

void check_repeatability(const Candidate& candidate, const Case& of, Tally& tally) {
  const auto once = engine_of(candidate, of, 0);
  const Outcome expected = train(*once, std::span(&of.trial, 1), kCopies, 0, of.start, 3, 3);
  compare_outcomes(tally, train(*once, std::span(&of.trial, 1), kCopies, 0, of.start, 3, 3), expected);
  const auto again = engine_of(candidate, of, 0);
  compare_outcomes(tally, train(*again, std::span(&of.trial, 1), kCopies, 0, of.start, 3, 3), expected);
}

/// The reference's own gradients, against differences of its loss.
void check_differences(std::uint64_t seed, std::uint64_t index, Tally& tally) {
  const DifferenceCase of = difference_case(seed, index);
  const std::vector<double> expected = differences(of).value();
  const reference::Gradient found = reference::gradient(of.topology, of.h, of.parameters, of.rows);
  const double loss = objective(of, of.parameters);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    tally.compare(found.objective[k], expected[k], difference_bound(found.objective[k], loss), "gradient", k);
  }
}

}  // namespace

std::vector<VerifyRow> checked(const Candidate& candidate, const VerifyOptions& options) {
  const bool is_reference = candidate.name == "reference";
  const bool is_strict = candidate.precision == Precision::strict;
  const Products& products = products_of(candidate.precision);
  Tally gradients(candidate, "gradients");
  Tally steps(candidate, "single steps");
  Tally runs(candidate, "short runs");
  Tally isolation(candidate, "isolation");
  Tally repeatability(candidate, "repeatability");
  for (std::uint64_t index = 0; index < options.cases; ++index) {
    if (is_reference) {
      gradients.begin(index);
      check_differences(options.seed, index, gradients);
    }
    Case of = random_case(options.seed, index);
    const auto engine = engine_of(candidate, of, 1);
    if (!engine->why_not(of.trial).empty()) continue;
    if (is_strict) {
      isolation.begin(index);
      check_isolation(candidate, of, options.seed, isolation);
    }
    repeatability.begin(index);
    check_repeatability(candidate, of, repeatability);
    if (is_reference) continue;
    for (Tally* tally : {&gradients, &steps, &runs}) tally->begin(index);
    check_gradients(*engine, products, of, gradients);
    check_run(*engine, products, of, kCopies, of.epochs, runs);
    of.trial.hyperparameters.batch_size = 0;
    check_run(*engine, products, of, kNoCopies, 1, steps);
  }
  if (is_reference) return {gradients.row(), isolation.row(), repeatability.row()};
  if (!is_strict) return {gradients.row(), steps.row(), runs.row(), repeatability.row()};
  return {gradients.row(), steps.row(), runs.row(), isolation.row(), repeatability.row()};
}

}  // namespace shoal::verify
