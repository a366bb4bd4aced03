#include "tests/parity/cuda/comparison.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <limits>
#include <tuple>
#include <utility>

namespace shoal::testing {
namespace {

/// Inputs, units of hidden layers, outputs.
using Sizes = std::vector<std::int32_t>;
const std::vector<Sizes> kThreadSizes{{2, 1},       {2, 2, 1},    {1, 4, 1},         {1, 8, 1},    {2, 4, 1},
                                      {2, 8, 1},    {2, 4, 2},    {4, 4, 3},         {1, 2, 2, 1}, {1, 4, 4, 1},
                                      {2, 4, 4, 1}, {2, 3, 3, 2}, {1, 2, 2, 2, 2, 1}};

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

/// A second split of the same rows, the first quarter of them validation, scaled otherwise.
void add_fold(Dataset& data) {
  Split split = data.splits.front();
  split.training.clear();
  split.validation.clear();
  for (std::uint32_t i = 0; i < data.n_rows; ++i)
    (i < data.n_rows / 4 ? split.validation : split.training).push_back(i);
  std::ranges::fill(split.inputs.offset, -0.25F);
  std::ranges::fill(split.inputs.fill, 0.5F);
  data.splits.push_back(std::move(split));
}

Topology random_layers(Random& random, Topology topology, std::uint32_t depth, std::uint64_t most_units) {
  topology.hidden_layer_sizes.clear();
  topology.activations.clear();
  for (std::uint32_t l = 0; l < depth; ++l) {
    topology.hidden_layer_sizes.push_back(static_cast<std::int32_t>(1 + below(random, most_units)));
    topology.activations.push_back(static_cast<Activation>(below(random, activation_names().size())));
  }
  return topology;
}

/// What networks of one depth need to train in one cohort.
void share_rows(const Trial& with, Trial& trial) {
  trial.fold = with.fold;
  trial.hyperparameters.batch_size = with.hyperparameters.batch_size;
  trial.hyperparameters.shuffle = with.hyperparameters.shuffle;
  trial.shuffle_seed = with.shuffle_seed;
}

std::string difference_of_sums(const MetricSums& a, const MetricSums& b) {
  const bool equal = same(a.loss, b.loss) && same(a.squared_error, b.squared_error) &&
                     same(a.absolute_error, b.absolute_error) && a.n_true_positive == b.n_true_positive &&
                     a.n_predicted == b.n_predicted && a.n_ordered_pairs == b.n_ordered_pairs;
  return equal ? "" : "sums of the evaluation";
}

}  // namespace

namespace {

/// What the members of a gang have in common, of 16 kinds: 0 to 5 are plain, 6 to 9 without any regulariser.
Trial shared_trial(Random& random, const Dataset& data, const Sizes& sizes, std::uint32_t kind) {
  Trial trial = random_trial(random, data);
  Hyperparameters& h = trial.hyperparameters;
  Topology& t = trial.topology;
  t = {sizes.front(), {sizes.begin() + 1, sizes.end() - 1}, {}, sizes.back()};
  if (data.task() == Task::classification) {
    h.loss = sizes.back() == 1 ? Loss::binary_cross_entropy : Loss::cross_entropy;
  }
  for (std::size_t l = 0; l + 1 < t.n_layers(); ++l) {
    t.activations.push_back(static_cast<Activation>(below(random, activation_names().size())));
  }
  if (h.shuffle == Shuffle::per_trial) h.shuffle = Shuffle::shared;
  if (kind >= 6) return trial;
  const Activation of_kind[] = {Activation::relu, Activation::tanh, Activation::sigmoid};
  std::ranges::fill(t.activations, of_kind[kind % 3]);
  h.loss = below(random, 2) == 0 ? Loss::squared_error : Loss::half_squared_error;
  h.solver = kind < 3 ? Solver::sgd : Solver::adam;
  return trial;
}

void make_plain(Hyperparameters& h) {
  h.l1 = h.clip_norm = h.dropout = 0;
  h.layer_rate = 1;
  h.class_weight = ClassWeight::none;
  if (h.learning_rate == Schedule::adaptive) h.learning_rate = Schedule::constant;
}

}  // namespace

Sweep random_thread_sweep(Random& random, std::uint32_t number) {
  const Sizes& sizes = kThreadSizes[number % kThreadSizes.size()];
  const std::uint32_t kind = number % 16;
  const Task task = kind < 6 ? Task::regression : static_cast<Task>(kind % 3);
  const std::int32_t n_targets = task == Task::classification ? std::max(2, sizes.back()) : sizes.back();
  Sweep sweep;
  const std::size_t n_rows = number % 10 == 9 ? 400 : 20 + below(random, 40);
  sweep.data = random_dataset(random, task, n_rows, sizes.front(), n_targets, kind >= 6 && kind % 2 == 0);
  sweep.data.test = {3, 0, 7};
  if (number % 5 == 0) sweep.data.inputs[3] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.metric = number % 4 == 3 ? Metric::train_loss : Metric::val_loss;
  sweep.options.maximize = number % 7 == 6;
  sweep.options.n_threads = 1;
  const Trial shared = shared_trial(random, sweep.data, sizes, kind);
  const std::size_t n_trials = number % 8 == 7 ? 131 : 1 + below(random, 6);
  for (std::size_t i = 0; i < n_trials; ++i) {
    Trial trial = random_trial(random, sweep.data);
    Hyperparameters& h = trial.hyperparameters;
    trial.topology = shared.topology;
    h.loss = shared.hyperparameters.loss;
    h.solver = shared.hyperparameters.solver;
    h.batch_size = shared.hyperparameters.batch_size;
    h.shuffle = shared.hyperparameters.shuffle;
    trial.shuffle_seed = shared.shuffle_seed;
    if (kind < 10) make_plain(h);
    if (kind >= 10 && gang_key(trial).plain) h.clip_norm = 0.5;
    if (i % 5 == 4) h.learning_rate_init = 1e6;  // diverges
    sweep.trials.push_back(trial);
  }
  sweep.gangs = {{gang_key(sweep.trials[0]), 0, static_cast<std::uint32_t>(n_trials), true, true}};
  return sweep;
}

Sweep random_sweep(Random& random, std::uint32_t number) {
  Sweep sweep;
  const bool has_many_rows = number % 10 == 4;
  sweep.data = random_dataset(random, static_cast<Task>(number % 3), has_many_rows ? 350 : 14 + below(random, 11),
                              static_cast<std::int32_t>(1 + below(random, 12)),
                              static_cast<std::int32_t>(2 + number % 4), number % 2 == 0);
  add_fold(sweep.data);
  sweep.data.test = {3, 0, 7};
  sweep.data.inputs[1] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.metric = number % 4 == 3 ? Metric::train_loss : Metric::val_loss;
  sweep.options.n_threads = 1;
  for (Slot slot = 0; slot < kNetworks; ++slot) {
    Trial trial = random_trial(random, sweep.data);
    // A network that is twice as wide takes four times as long to watch.
    trial.topology = random_layers(random, trial.topology, (number + slot / 2) % 6, slot % 4 == 0 ? 40 : 18);
    trial.fold = static_cast<std::uint32_t>(below(random, 2));
    if (has_many_rows) trial.hyperparameters.batch_size = 60;
    if (slot % 2 == 1) share_rows(sweep.trials.back(), trial);
    if (slot == kDiverging) trial.hyperparameters.learning_rate_init = 1e6;
    // Rows that are no whole warps; every twentieth is more than shared memory holds.
    if (slot == 7 && number % 5 == 0) {
      trial.topology.hidden_layer_sizes = {70, 35};
      if (number % 20 == 0) trial.topology.hidden_layer_sizes = {220, 130};
      trial.topology.activations = {Activation::gelu, Activation::tanh};
      trial.hyperparameters.batch_size = 8;
    }
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, true, true});
  }
  return sweep;
}

Sweep random_wide_sweep(Random& random, std::uint32_t number) {
  const std::vector<std::vector<std::int32_t>> all{{240, 230}, {90, 600, 5}, {300, 1, 300, 180}};
  Sweep sweep;
  sweep.data = random_dataset(random, static_cast<Task>(number % 3), 21 + number % 5,
                              static_cast<std::int32_t>(1 + below(random, 12)),
                              2 + static_cast<std::int32_t>(number % 4), number % 2 == 1);
  sweep.data.test = {3, 0, 7};
  sweep.data.inputs[1] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.n_threads = 1;
  for (Slot slot = 0; slot < 4; ++slot) {
    Trial trial = random_trial(random, sweep.data);
    trial.topology.hidden_layer_sizes = all[(number + slot / 2) % all.size()];
    trial.topology.activations.clear();
    while (trial.topology.activations.size() < trial.topology.hidden_layer_sizes.size()) {
      trial.topology.activations.push_back(static_cast<Activation>(below(random, activation_names().size())));
    }
    trial.hyperparameters.batch_size = std::max(trial.hyperparameters.batch_size, 7);
    if (slot == 1) share_rows(sweep.trials.back(), trial);
    if (slot == 2) trial.hyperparameters.clip_norm = 0.1;
    if (slot == 3) trial.hyperparameters.learning_rate_init = 1e6;  // diverges
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
