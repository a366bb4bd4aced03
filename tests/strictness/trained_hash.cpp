#include "tests/strictness/trained_hash.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>
#include <utility>

#include "engine/definition.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal::testing {
namespace {

constexpr std::uint32_t kEpochs = 12;

/// FNV-1a over 64-bit words; all NaN are one.
class Hash {
 public:
  void add(std::uint64_t word) { value_ = (value_ ^ word) * 0x100000001B3U; }
  void add(double x) { add(x != x ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(x)); }
  void add(const std::vector<float>& values) {
    add(static_cast<std::uint64_t>(values.size()));
    for (const float x : values) add(x != x ? ~std::uint64_t{0} : std::uint64_t{std::bit_cast<std::uint32_t>(x)});
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

/// Another member of a trial's gang.
Trial companion(Trial trial, std::uint32_t place) {
  Hyperparameters& h = trial.hyperparameters;
  trial.seed += place;
  h.learning_rate_init *= place % 5 == 0 ? 1e6 : 0.75;
  h.max_iter = static_cast<std::int32_t>(1 + place % kEpochs);
  h.n_iter_no_change = static_cast<std::int32_t>(place % 3);
  return trial;
}

/// Places each trial in a gang of its own and returns where, then all places taken.
struct Placed {
  std::vector<Slot> trials, all;
};
Placed place_all(Engine& engine, const HashedSweep& sweep, Company company) {
  std::vector<Gang> gangs;
  Slot next = 0;
  for (const Trial& trial : sweep.trials) {
    const std::uint32_t n_slots = company == Company::none ? 1 : engine.gang_size(gang_key(trial));
    gangs.push_back({gang_key(trial), next, n_slots, true, true});
    next += n_slots;
  }
  engine.prepare(gangs);
  Placed placed;
  for (std::uint32_t i = 0; i < gangs.size(); ++i) {
    const std::uint32_t own = i % gangs[i].n_slots;
    for (std::uint32_t p = 0; p < gangs[i].n_slots; ++p) {
      const Slot slot = gangs[i].first_slot + p;
      if (p != own && (p + i) % 3 == 0) continue;
      const Trial trial = p == own ? sweep.trials[i] : companion(sweep.trials[i], p);
      engine.place(slot, trial, initial_state(trial));
      placed.all.push_back(slot);
      if (p == own) placed.trials.push_back(slot);
    }
  }
  return placed;
}

void train(Engine& engine, const HashedSweep& sweep, std::uint32_t step, Company company, Hash& hash) {
  const Placed placed = place_all(engine, sweep, company);
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t epoch = step;; epoch += step) {
    std::vector<TrainTarget> targets;
    for (const Slot slot : placed.all) targets.push_back({slot, epoch});
    engine.train(targets, {}, records, lost);
    if (epoch >= kEpochs) break;
  }
  std::erase_if(records,
                [&](const EpochRecord& record) { return !std::ranges::binary_search(placed.trials, record.slot); });
  std::ranges::stable_sort(records, {}, &EpochRecord::slot);
  for (const EpochRecord& record : records) {
    for (const double x : {record.train_loss, record.val_loss, record.metric}) hash.add(x);
  }
  for (const Slot slot : placed.trials) {
    const TrialState state = engine.take(slot);
    for (const auto* values : {&state.parameters, &state.first_moment, &state.second_moment, &state.best_parameters}) {
      hash.add(*values);
    }
    hash.add(std::uint64_t{state.epoch} << 8 | static_cast<std::uint64_t>(state.status));
  }
}

}  // namespace

std::vector<HashedSweep> hashed_sweeps() {
  Random random(20250301);
  std::vector<HashedSweep> all;
  for (int number = 0; number < 8; ++number) {
    HashedSweep sweep;
    // The last has more rows than a Fisher-Yates order.
    const std::size_t n_rows = number == 7 ? 400 : 30 + below(random, 30);
    sweep.data =
        random_dataset(random, static_cast<Task>(number % 3), n_rows, static_cast<std::int32_t>(1 + below(random, 20)),
                       static_cast<std::int32_t>(2 + number % 4), number % 2 == 0);
    for (int i = 0; i < 25; ++i) {
      Trial trial = random_trial(random, sweep.data);
      trial.hyperparameters.max_iter = 1 + static_cast<std::int32_t>(below(random, kEpochs));
      if (i % 9 == 8) trial.hyperparameters.learning_rate_init = 1e4;
      sweep.trials.push_back(trial);
    }
    all.push_back(std::move(sweep));
  }
  return all;
}

std::string missing_from(std::span<const HashedSweep> sweeps) {
  std::set<std::string_view> seen;
  for (const HashedSweep& sweep : sweeps) {
    for (const Trial& trial : sweep.trials) {
      const Hyperparameters& h = trial.hyperparameters;
      for (const Activation f : trial.topology.activations) seen.insert(name(f));
      seen.insert({name(h.solver), name(h.loss), name(h.learning_rate), name(h.shuffle)});
      if (h.l1 > 0) seen.insert("l1");
      if (h.clip_norm > 0) seen.insert("clip_norm");
      if (h.dropout > 0) seen.insert("dropout");
      if (h.label_smoothing > 0) seen.insert("label_smoothing");
      if (h.layer_rate < 1) seen.insert("layer_rate");
      if (h.class_weight == ClassWeight::balanced) seen.insert("balanced");
    }
  }
  std::string absent;
  const std::vector<std::string_view> others = {"l1",         "clip_norm", "dropout", "label_smoothing",
                                                "layer_rate", "balanced"};
  for (const auto names : {activation_names(), solver_names(), loss_names(), schedule_names(), shuffle_names(),
                           std::span<const std::string_view>(others)}) {
    for (const std::string_view word : names) absent += seen.contains(word) ? "" : ' ' + std::string(word);
  }
  return absent;
}

std::uint64_t trained_hash(std::span<const HashedSweep> sweeps, const MakeEngine& make, std::uint32_t step,
                           Company company) {
  Hash hash;
  for (const HashedSweep& sweep : sweeps) train(*make(sweep.data), sweep, step, company, hash);
  return hash.value();
}

}  // namespace shoal::testing
