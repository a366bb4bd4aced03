#include "tests/parity/cuda/comparison.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <limits>
#include <tuple>

namespace shoal::testing {
namespace {

struct Sizes {
  std::int32_t n_in, n_1, n_2, n_out;
};

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}
bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::ranges::equal(a, b, [](T x, T y) { return same(x, y); });
}

std::string difference_of_states(const TrialState& a, const TrialState& b) {
  if (!same(a.parameters, b.parameters)) return "parameters";
  if (!same(a.first_moment, b.first_moment)) return "first moment";
  if (!same(a.second_moment, b.second_moment)) return "second moment";
  if (!same(a.best_parameters, b.best_parameters)) return "best parameters";
  if (!same(a.best_metric, b.best_metric) || !same(a.best_train_loss, b.best_train_loss)) return "best metric";
  if (!same(a.beta_1_power, b.beta_1_power) || !same(a.beta_2_power, b.beta_2_power)) return "powers of beta";
  const auto counts = [](const TrialState& s) {
    return std::tuple(s.step, s.epoch, s.n_stalled, s.best_epoch, s.n_rate_drops, s.n_rate_stalled, s.status);
  };
  return counts(a) == counts(b) ? "" : "counts or status";
}

std::string difference_of_records(const std::vector<EpochRecord>& a, const std::vector<EpochRecord>& b) {
  if (a.size() != b.size()) return "number of epochs";
  for (std::size_t e = 0; e < a.size(); ++e) {
    const bool equal = a[e].epoch == b[e].epoch && same(a[e].train_loss, b[e].train_loss) &&
                       same(a[e].train_weight, b[e].train_weight) && same(a[e].val_loss, b[e].val_loss) &&
                       same(a[e].val_weight, b[e].val_weight) && same(a[e].metric, b[e].metric);
    if (!equal) return "record of epoch " + std::to_string(e + 1);
  }
  return "";
}

std::string difference_of_sums(const MetricSums& a, const MetricSums& b) {
  const bool equal = same(a.loss, b.loss) && same(a.squared_error, b.squared_error) &&
                     same(a.absolute_error, b.absolute_error) && a.n_true_positive == b.n_true_positive &&
                     a.n_predicted == b.n_predicted && a.n_ordered_pairs == b.n_ordered_pairs;
  return equal ? "" : "sums of the evaluation";
}

}  // namespace

Sweep random_plain_sweep(Random& random, std::uint32_t number) {
  const std::vector<Sizes> all{{1, 2, 2, 1}, {1, 4, 4, 1}, {2, 4, 4, 1}, {2, 3, 3, 2}};
  const Sizes sizes = all[number % all.size()];
  Sweep sweep;
  const std::size_t n_rows = number % 10 == 9 ? 400 : 20 + below(random, 40);
  sweep.data = random_dataset(random, Task::regression, n_rows, sizes.n_in, sizes.n_out, number % 3 == 0);
  sweep.data.test = {3, 0, 7};
  if (number % 5 == 0) sweep.data.inputs[3] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.metric = number % 4 == 3 ? Metric::train_loss : Metric::val_loss;
  sweep.options.maximize = number % 7 == 6;
  sweep.options.n_threads = 1;
  Trial shared = random_trial(random, sweep.data);
  shared.hyperparameters.loss = below(random, 2) == 0 ? Loss::squared_error : Loss::half_squared_error;
  if (shared.hyperparameters.shuffle == Shuffle::per_trial) shared.hyperparameters.shuffle = Shuffle::shared;
  const auto activation = [&] { return static_cast<Activation>(below(random, activation_names().size())); };
  const std::vector<Activation> activations{activation(), activation()};
  const std::size_t n_trials = number % 8 == 7 ? 131 : 1 + below(random, 6);
  for (std::size_t i = 0; i < n_trials; ++i) {
    Trial trial = random_trial(random, sweep.data);
    trial.topology = {sizes.n_in, {sizes.n_1, sizes.n_2}, activations, sizes.n_out};
    Hyperparameters& h = trial.hyperparameters;
    h.solver = Solver::sgd;
    if (h.learning_rate == Schedule::adaptive) h.learning_rate = Schedule::constant;
    h.l1 = h.clip_norm = h.dropout = 0;
    h.layer_rate = 1;
    trial.hyperparameters.loss = shared.hyperparameters.loss;
    trial.hyperparameters.batch_size = shared.hyperparameters.batch_size;
    trial.hyperparameters.shuffle = shared.hyperparameters.shuffle;
    trial.shuffle_seed = shared.shuffle_seed;
    if (i % 5 == 4) trial.hyperparameters.learning_rate_init = 1e6;  // diverges
    sweep.trials.push_back(trial);
  }
  sweep.gangs = {{gang_key(sweep.trials[0]), 0, static_cast<std::uint32_t>(n_trials), true}};
  return sweep;
}

Sweep random_sweep(Random& random, std::uint32_t number) {
  Sweep sweep;
  const std::size_t n_rows = number % 5 == 4 ? 400 : 20 + below(random, 60);
  sweep.data =
      random_dataset(random, static_cast<Task>(number % 3), n_rows, static_cast<std::int32_t>(1 + below(random, 12)),
                     static_cast<std::int32_t>(2 + number % 4), number % 2 == 0);
  sweep.data.test = {3, 0, 7};
  sweep.data.inputs[1] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.metric = number % 4 == 3 ? Metric::train_loss : Metric::val_loss;
  sweep.options.n_threads = 1;
  for (Slot slot = 0; slot < 6; ++slot) {
    Trial trial = random_trial(random, sweep.data);
    if (slot == 4) trial.hyperparameters.learning_rate_init = 1e6;  // diverges
    if (slot == 5) {  // rows that are no whole warps; every fifth is more than shared memory holds
      trial.topology.hidden_layer_sizes = {150, 70};
      if (number % 5 == 0) trial.topology.hidden_layer_sizes = {220, 130};
      trial.topology.activations = {Activation::gelu, Activation::tanh};
    }
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, true, true});
  }
  return sweep;
}

Metric host_metric(Task task) { return task == Task::regression ? Metric::val_mae : Metric::val_auc; }

void watch(Sweep& sweep, Metric metric) {
  sweep.options.metric = metric;
  sweep.options.maximize = larger_is_better(metric);
  for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
    sweep.trials[i].hyperparameters.n_iter_no_change = static_cast<std::int32_t>(1 + i % 2);
  }
}

Outcome train(Engine& engine, const Sweep& sweep, std::uint32_t epochs, std::uint32_t n_epochs) {
  const auto n = static_cast<std::uint32_t>(sweep.trials.size());
  engine.prepare(sweep.gangs);
  for (Slot slot = 0; slot < n; ++slot) {
    EXPECT_EQ(engine.why_not(sweep.trials[slot]), "");
    engine.place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
  }
  Outcome outcome;
  outcome.records.resize(n);
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t done = 0; done < n_epochs; done += epochs) {
    std::vector<TrainTarget> targets;
    for (Slot slot = 0; slot < n; ++slot) targets.push_back({slot, done + epochs});
    engine.train(targets, {}, records, lost);
  }
  EXPECT_TRUE(lost.empty());
  for (const EpochRecord& record : records) outcome.records[record.slot].push_back(record);
  std::vector<Slot> slots(n);
  for (Slot slot = 0; slot < n; ++slot) slots[slot] = slot;
  outcome.sums = engine.evaluate(slots, RowSet::validation);
  outcome.test_sums = engine.evaluate(slots, RowSet::test);
  for (Slot slot = 0; slot < n; ++slot) outcome.states.push_back(engine.take(slot));
  return outcome;
}

std::string first_difference(const TrialState& a, const TrialState& b) { return difference_of_states(a, b); }

std::string first_difference(const Outcome& a, const Outcome& b) {
  for (std::size_t i = 0; i < a.states.size(); ++i) {
    for (const std::string& difference :
         {difference_of_states(a.states[i], b.states[i]), difference_of_records(a.records[i], b.records[i]),
          difference_of_sums(a.sums[i], b.sums[i]), difference_of_sums(a.test_sums[i], b.test_sums[i])}) {
      if (!difference.empty()) return "network " + std::to_string(i) + ": " + difference;
    }
  }
  return "";
}

}  // namespace shoal::testing
