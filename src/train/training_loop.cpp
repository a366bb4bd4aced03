#include "train/training_loop.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "shoal/error.hpp"
#include "train/trial_result.hpp"

namespace shoal::train {
namespace {

std::uint32_t n_rungs(const Job& job) { return job.from != nullptr ? job.from->n_rungs : 0; }

}  // namespace

bool TrainingLoop::Network::has_last_leg() const {
  return until >= static_cast<std::uint32_t>(trial->hyperparameters.max_iter);
}

TrainingLoop::TrainingLoop(Engine& engine, const Dataset& dataset, ProgressMeter& meter, ResultSink& sink,
                           double round_s)
    : engine_(&engine), dataset_(&dataset), meter_(&meter), sink_(&sink), sizer_(round_s, plan::n_cores()) {}

bool TrainingLoop::run(std::span<const Trial> trials, std::span<const Job> jobs, const plan::Chunk& chunk,
                       const std::stop_token& stop) {
  if (stop.stop_requested()) return false;
  try {
    engine_->prepare(chunk.layout());
  } catch (const OutOfMemoryError&) {
    // Somebody else has taken what the plan counted on. Results do not depend on chunks.
    if (chunk.gangs.size() < 2) throw;
    const auto [first, second] = plan::halves(chunk, *engine_, plan::table_bytes(*dataset_, *engine_));
    return run(trials, jobs, first, stop) && run(trials, jobs, second, stop);
  }
  in_flight_.clear();
  const std::vector<Company> all = companies(chunk);
  auto next = all.begin();
  while (next != all.end() || !in_flight_.empty()) {
    if (stop.stop_requested()) {
      deliver(ended(choose(in_flight_.size()), true));
      remove_gone();
      return false;
    }
    while (next != all.end() && has_room()) {
      Members& members = in_flight_.emplace_back();
      for (const plan::FilledGang* filled : *next++) admit(trials, jobs, *filled, members);
    }
    round(stop);
  }
  return true;
}

/// Whether one more company may begin: the machine wants it, and its learning curves have room, which every core's do.
bool TrainingLoop::has_room() const {
  if (in_flight_.size() >= sizer_.width()) return false;
  if (in_flight_.size() < sizer_.n_cores()) return true;
  std::uint64_t curve_bytes = 0;
  for (const Members& members : in_flight_) curve_bytes += members.curve_bytes;
  return curve_bytes < plan::kCurveBytes;
}

/// In the order of their costliest gangs.
std::vector<TrainingLoop::Company> TrainingLoop::companies(const plan::Chunk& chunk) const {
  std::vector<Company> all;
  std::map<Slot, std::size_t> number;
  for (const plan::FilledGang& filled : chunk.gangs) {
    const auto [found, is_new] = number.try_emplace(engine_->company(filled.gang), all.size());
    if (is_new) all.emplace_back();
    all[found->second].push_back(&filled);
  }
  return all;
}

void TrainingLoop::admit(std::span<const Trial> trials, std::span<const Job> jobs, const plan::FilledGang& filled,
                         Members& members) {
  for (std::size_t i = 0; i < filled.trials.size(); ++i) {
    const Trial& trial = trials[filled.trials[i]];
    const Job& job = jobs[filled.trials[i]];
    Network network;
    network.trial = &trial;
    network.job = &job;
    network.slot = filled.gang.first_slot + static_cast<Slot>(i);
    network.until = job.leg.until;
    network.epoch = job.leg.from;
    network.epoch_cost = plan::epoch_cost(trial, *dataset_);
    if (job.from != nullptr) {
      network.seconds = job.from->result.train_seconds;
      network.curve = job.from->result.curve;
    }
    const std::size_t n_points = network.curve.size() + (job.leg.until - job.leg.from);
    network.curve.reserve(n_points);
    members.curve_bytes += n_points * sizeof(CurvePoint);
    engine_->place(network.slot, trial, job.from != nullptr ? job.from->state : initial_state(trial));
    members.networks.push_back(std::move(network));
  }
}

/// The members of the oldest companies, as many as the machine wants.
std::vector<TrainingLoop::Network*> TrainingLoop::choose(std::size_t n_companies) {
  std::vector<Network*> chosen;
  for (std::size_t i = 0; i < n_companies; ++i) {
    for (Network& network : in_flight_[i].networks) {
      if (!network.gone) chosen.push_back(&network);
    }
  }
  return chosen;
}

void TrainingLoop::round(const std::stop_token& stop) {
  const std::size_t n_companies = std::min(in_flight_.size(), sizer_.width());
  const std::vector<Network*> chosen = choose(n_companies);
  double epoch_cost = 0;
  for (const Network* network : chosen) epoch_cost += network->epoch_cost;
  const std::uint32_t epochs = sizer_.epochs(epoch_cost, chosen.size());
  std::vector<TrainTarget> targets;
  targets.reserve(chosen.size());
  std::size_t n_asked = 0;
  for (Network* network : chosen) {
    network->asked = std::min(network->until - network->epoch, epochs);
    n_asked += network->asked;
    targets.push_back({network->slot, network->epoch + network->asked});
  }

  std::vector<EpochRecord> records;
  records.reserve(n_asked);
  std::vector<Slot> lost;
  const auto start = std::chrono::steady_clock::now();
  engine_->train(targets, stop, records, lost);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  account(chosen, records, seconds);
  std::ranges::sort(lost);
  for (Network* network : chosen) network->gone = std::ranges::binary_search(lost, network->slot);
  const bool stopping = stop.stop_requested();
  if (!stopping) sizer_.measured(round_cost_, seconds, epochs, n_companies);
  // A checkpoint has nothing that has ended: what went on from there would wait for it.
  const bool checkpoints = !stopping && sink_->wants_checkpoint();
  deliver(stopping || checkpoints ? ended(choose(in_flight_.size()), true) : ended(chosen, false));
  remove_gone();
  sink_->progress(meter_->now());
  if (checkpoints) sink_->checkpoint(in_training());
}

void TrainingLoop::remove_gone() {
  for (Members& members : in_flight_) std::erase_if(members.networks, &Network::gone);
  std::erase_if(in_flight_, [](const Members& members) { return members.networks.empty(); });
}

/// Adds records to the curves of their networks; `asked` becomes what is still missing of it.
void TrainingLoop::account(std::span<Network* const> chosen, std::span<const EpochRecord> records, double seconds) {
  std::vector<Network*> at;
  for (Network* network : chosen) {
    if (at.size() <= network->slot) at.resize(network->slot + 1);
    at[network->slot] = network;
    network->cost = 0;
  }
  round_cost_ = 0;
  double samples = 0;
  for (const EpochRecord& record : records) {
    Network& network = *at[record.slot];
    network.curve.push_back(
        {record.epoch, record.train_loss / record.train_weight, record.val_loss / record.val_weight, record.metric});
    network.epoch = record.epoch;
    --network.asked;
    network.cost += network.epoch_cost;
    round_cost_ += network.epoch_cost;
    samples += static_cast<double>(plan::n_training_rows(*network.trial, *dataset_));
  }
  for (Network* network : chosen) {
    if (network->cost > 0) network->seconds += seconds * network->cost / round_cost_;
  }
  meter_->trained(records.size(), samples, round_cost_);
}

/// A network that has all epochs of its leg, or got fewer than asked, has ended. One that diverged with the last epoch
/// that it was asked for has got all of them, and when stopping others got fewer: only states tell of these.
std::vector<TrainingLoop::Network*> TrainingLoop::ended(std::span<Network* const> networks, bool by_state) const {
  std::vector<Network*> ended;
  for (Network* network : networks) {
    if (network->gone) continue;
    const bool got_fewer = by_state ? engine_->read(network->slot).status != TrialStatus::running : network->asked > 0;
    if (got_fewer || network->epoch >= network->until) ended.push_back(network);
  }
  return ended;
}

/// Where a network pauses behind its best epoch: gives its place the best parameters, which it is evaluated with, since
/// it ends with them if a rung ends it. The state with which it goes on; nothing of other networks.
std::optional<TrialState> TrainingLoop::put_back_to_best(const Network& network) {
  if (network.trial->hyperparameters.n_iter_no_change == 0 || network.has_last_leg()) return std::nullopt;
  TrialState state = engine_->read(network.slot);
  if (state.status != TrialStatus::running || !has_better_epoch(*network.trial, state)) return std::nullopt;
  TrialState best = engine_->take(network.slot);
  best.parameters = best.best_parameters;
  engine_->place(network.slot, *network.trial, best);
  return state;
}

void TrainingLoop::deliver(std::span<Network* const> networks) {
  if (networks.empty()) return;
  std::vector<Slot> slots;
  std::vector<std::optional<TrialState>> going_on;
  slots.reserve(networks.size());
  going_on.reserve(networks.size());
  for (const Network* network : networks) {
    slots.push_back(network->slot);
    going_on.push_back(put_back_to_best(*network));
  }
  const std::vector<MetricSums> sums = engine_->evaluate(slots, RowSet::validation);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    Network& network = *networks[i];
    TrialState state = engine_->take(network.slot);
    if (going_on[i]) state = std::move(*going_on[i]);
    const bool is_running = state.status == TrialStatus::running;
    if (is_running && (network.has_last_leg() || state.epoch != network.until)) {
      throw Error("engine " + std::string(engine_->name()) + " stopped training trial " + network.trial->id +
                  " after epoch " + std::to_string(state.epoch) + " of " + std::to_string(network.until));
    }
    TrialResult result = result_of(network, state, metrics_of(dataset_->task(), sums[i]));
    network.gone = true;
    if (is_running || (state.status == TrialStatus::diverged && network.job->waits_diverged)) {
      sink_->paused({std::move(result), std::move(state), n_rungs(*network.job)});
    } else {
      meter_->finished(result, network.epoch_cost);
      sink_->finished(std::move(result), std::move(state));
    }
  }
}

TrialResult TrainingLoop::result_of(const Network& network, const TrialState& state, MetricValues metrics) {
  const PausedTrial* from = network.job->from;
  TrialResult result = trial_result(*network.trial, state, std::move(metrics), network.curve,
                                    from != nullptr ? from->result.lineage : std::vector<Takeover>{});
  result.train_seconds = network.seconds;
  return result;
}

std::vector<PausedTrial> TrainingLoop::in_training() const {
  std::vector<PausedTrial> all;
  for (const Members& members : in_flight_) {
    for (const Network& network : members.networks) {
      TrialState state = engine_->read(network.slot);
      TrialResult result = result_of(network, state, MetricValues{});
      all.push_back({std::move(result), std::move(state), n_rungs(*network.job)});
    }
  }
  return all;
}

}  // namespace shoal::train
