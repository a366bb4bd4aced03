#include "run/sweep_trainer.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "plan/plan.hpp"
#include "plan/waiting.hpp"
#include "shoal/error.hpp"

namespace shoal::run {
namespace {

constexpr double kRoundSeconds = 0.2;
// Brackets are opened until so many trials are in training or wait at a rung, whose states are all in memory.
constexpr std::uint64_t kWaveTrials = 2048;

std::uint64_t trials_a_setting(const PreparedSweep& sweep) {
  return sweep.trials.n_settings() == 0 ? 1 : sweep.trials.size() / sweep.trials.n_settings();
}

}  // namespace

search::Brackets brackets_of(const PreparedSweep& sweep, const SweepSpec& spec) {
  const std::uint32_t folds = spec.early_terminate.folds;
  return {spec.early_terminate, sweep.trials.n_settings(), search::most_epochs(spec),
          std::max<std::uint64_t>(1, plan::kWindowTrials / trials_a_setting(sweep)),
          folds == 0 ? 1.0 : static_cast<double>(folds) / *spec.data.cv};
}

std::uint64_t waiting_bytes(const PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  const search::Brackets brackets = brackets_of(sweep, spec);
  if (brackets.last_rung() == 0) return 0;
  plan::Waiting waiting(kWaveTrials - 1 + brackets.most_settings() * trials_a_setting(sweep));
  for (std::uint64_t number = 0; number < sweep.trials.size(); ++number) {
    const Trial trial = sweep.trials.at(number);
    if (skip && skip(trial)) continue;
    const auto max_iter = static_cast<std::uint32_t>(trial.hyperparameters.max_iter);
    waiting.add(plan::waiting_bytes(trial, std::min(brackets.last_rung(), max_iter)));
  }
  return waiting.bytes();
}

SweepTrainer::SweepTrainer(const PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory,
                           ResultWriter& writer, train::ProgressMeter& meter, store::Checkpoint resumed)
    : sweep_(&sweep),
      directory_(&directory),
      writer_(&writer),
      meter_(&meter),
      goes_on_(directory.size() > 0),
      resumed_(std::move(resumed)),
      rule_(spec.early_terminate),
      maximize_(spec.maximize),
      population_(spec.early_terminate.type == Terminator::pbt ? std::optional(search::Population(spec))
                                                               : std::nullopt),
      brackets_(brackets_of(sweep, spec)),
      loop_(*sweep.engine, *sweep.dataset, meter, *this, kRoundSeconds) {}

bool SweepTrainer::run(const std::stop_token& stop) {
  for (;;) {
    open_brackets();
    if (open_.empty()) return true;
    if (!wave(stop)) {
      // Networks that the stop caught in the middle of an epoch go on from where the last checkpoint has them.
      std::vector<std::string> ignored;
      checkpoint(loop_.in_training(), directory_->checkpoints().read(directory_->results_mark(), ignored));
      return false;
    }
    decide();
  }
}

void SweepTrainer::open_brackets() {
  std::uint64_t n_open = 0;
  for (train::OpenBracket& bracket : open_) {
    n_open += static_cast<std::uint64_t>(
        std::ranges::count_if(bracket.members(), [](const train::Member& member) { return !member.ended; }));
  }
  for (; next_bracket_ < brackets_.size() && n_open < kWaveTrials; ++next_bracket_) {
    train::OpenBracket& bracket = open_.emplace_back(opened(brackets_.at(next_bracket_)));
    if (!bracket.has_ended()) n_open += bracket.members().size();
    decide();  // what an earlier run's trials decide; where all of them have ended, for the count alone
  }
}

/// With what the directory has of its trials.
train::OpenBracket SweepTrainer::opened(const search::Bracket& bracket) {
  train::OpenBracket open(bracket, rule_, maximize_, population_ ? &*population_ : nullptr);
  const std::uint64_t n_trials = trials_a_setting(*sweep_);
  const std::uint64_t end = (bracket.first_setting + bracket.n_settings) * n_trials;
  for (std::uint64_t number = bracket.first_setting * n_trials; number < end; ++number) {
    Trial trial = sweep_->trials.at(number);
    open.add(trial);
    train::Member& member = *open.find(number);
    const std::optional<TrialStatus> status = goes_on_ ? directory_->status(trial.id) : std::nullopt;
    if (status) {
      TrialResult result;
      result.status = *status;
      if (population_) result.metrics = directory_->row(trial.id).metrics;
      if (!bracket.rungs.empty()) result.curve = directory_->curve(trial.id);
      open.finished(member, result);
    } else if (const auto found = resumed_.find(trial.id); found != resumed_.end()) {
      if (found->second.result.lineage.empty()) found->second.result.trial = std::move(trial);
      open.paused(member, std::move(found->second));
      resumed_.erase(found);
    }
  }
  return open;
}

bool SweepTrainer::wave(const std::stop_token& stop) {
  wave_trials_.clear();
  wave_jobs_.clear();
  std::vector<plan::Leg> legs;
  for (train::OpenBracket& bracket : open_) {
    for (const train::Member& member : bracket.members()) {
      const std::optional<std::uint32_t> until = bracket.target(member);
      if (!until) continue;
      wave_trials_.push_back(member.paused ? member.paused->result.trial : sweep_->trials.at(member.number));
      sweep_->initial_parameters.give(wave_trials_.back());
      legs.push_back({member.paused ? member.paused->state.epoch : 0, *until});
      wave_jobs_.push_back({legs.back(), member.paused.get(), bracket.revives()});
    }
  }
  if (wave_jobs_.empty()) throw Error("trials are left that have neither ended nor can go on");
  const std::uint64_t host_bytes = sweep_->waiting_bytes + plan::record_bytes(wave_trials_, legs, plan::n_cores());
  for (const plan::Chunk& chunk :
       plan::plan_window(wave_trials_, legs, *sweep_->dataset, *sweep_->engine, sweep_->memory_bytes, host_bytes)) {
    if (!loop_.run(wave_trials_, wave_jobs_, chunk, stop)) return false;
  }
  return true;
}

void SweepTrainer::decide() {
  for (train::OpenBracket& bracket : open_) {
    for (PausedTrial& ended : bracket.decide()) {
      meter_->finished(ended.result, plan::epoch_cost(ended.result.trial, *sweep_->dataset));
      writer_->finished(std::move(ended.result), std::move(ended.state));
    }
    meter_->spared(bracket.take_spared());
    writer_->passed(bracket.take_passages());
  }
  std::erase_if(open_, [](const train::OpenBracket& bracket) { return bracket.has_ended(); });
}

train::OpenBracket& SweepTrainer::bracket_of(std::uint64_t number) {
  return *std::ranges::find_if(open_, [&](train::OpenBracket& bracket) { return bracket.find(number) != nullptr; });
}

void SweepTrainer::finished(TrialResult&& result, TrialState&& state) {
  train::OpenBracket& bracket = bracket_of(result.trial.number);
  bracket.finished(*bracket.find(result.trial.number), result);
  writer_->finished(std::move(result), std::move(state));
}

void SweepTrainer::paused(PausedTrial&& trial) {
  const std::uint64_t number = trial.result.trial.number;
  train::OpenBracket& bracket = bracket_of(number);
  bracket.paused(*bracket.find(number), std::move(trial));
}

void SweepTrainer::progress(const Progress& progress) { writer_->progress(progress); }

bool SweepTrainer::wants_checkpoint() { return writer_->wants_flush(); }

void SweepTrainer::checkpoint(const std::vector<PausedTrial>& in_training) { checkpoint(in_training, {}); }

/// older: what of it has not ended is kept where it is the newest.
void SweepTrainer::checkpoint(const std::vector<PausedTrial>& in_training, const store::Checkpoint& older) {
  // The results first: a trial that is in both has ended.
  const auto start = ResultWriter::Clock::now();
  writer_->flush();
  std::map<std::string_view, const PausedTrial*> newest;
  const auto place = [](const PausedTrial& trial) { return std::pair(trial.n_rungs, trial.state.epoch); };
  const auto add = [&](const PausedTrial& trial) {
    const PausedTrial*& at = newest[trial.result.trial.id];
    if (at == nullptr || place(*at) < place(trial)) at = &trial;
  };
  for (const PausedTrial& trial : in_training) add(trial);
  for (train::OpenBracket& bracket : open_) {
    for (const train::Member& member : bracket.members()) {
      if (member.paused) add(*member.paused);
    }
  }
  for (const auto& [id, trial] : resumed_) add(trial);
  for (const auto& [id, trial] : older) {
    if (!directory_->has(id)) add(trial);
  }
  std::vector<const PausedTrial*> trials;
  for (const auto& [id, trial] : newest) trials.push_back(trial);
  directory_->checkpoints().write(trials, directory_->results_mark());
  writer_->flushed(start);
}

}  // namespace shoal::run
