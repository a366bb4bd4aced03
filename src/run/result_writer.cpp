#include "run/result_writer.hpp"

#include <utility>

namespace shoal::run {
namespace {

constexpr std::chrono::milliseconds kShowEvery{200};
// Of a long run no more than a tenth is for what makes it safe.
constexpr int kLeastShare = 10;
constexpr std::chrono::milliseconds kLongFlush{500};

}  // namespace

ResultWriter::ResultWriter(store::RunDirectory& directory, store::Manifest& manifest, KeptNetworks& kept,
                           LiveFacts facts, double flush_every_s, const Progress& start,
                           std::function<void(const Progress&)> on_progress)
    : directory_(&directory),
      manifest_(&manifest),
      kept_(&kept),
      facts_(std::move(facts)),
      flush_every_s_(flush_every_s),
      on_progress_(std::move(on_progress)),
      last_(start) {}

void ResultWriter::finished(TrialResult&& result, TrialState&& state) {
  facts_.finished(result);
  if (result.status == TrialStatus::diverged) return directory_->add(result);
  const double metric = result.metrics.of(manifest_->metric);
  const KeptNetworks::Decision decision = kept_->offer(result.trial.id, metric, result.status == TrialStatus::pruned);
  // The network before the row that says it has ended, and before another one goes: whoever dies in between leaves a
  // network too many, never one too few.
  if (decision.keep) directory_->keep({result.trial, std::move(state.parameters), metric});
  directory_->add(result);
  if (!decision.forget.empty()) directory_->forget(decision.forget);
}

void ResultWriter::progress(const Progress& progress) {
  manifest_->epochs_trained += progress.epochs_done - last_.epochs_done;
  last_ = progress;
  facts_.reached(progress);
  directory_->checkpoints().count_epochs(manifest_->epochs_trained);
  const Clock::time_point now = Clock::now();
  if (on_progress_ && (now - shown_ >= kShowEvery || progress.n_done == progress.n_trials)) {
    Progress shown = progress;
    facts_.add_to(shown);
    on_progress_(shown);
    shown_ = now;
  }
}

bool ResultWriter::wants_flush() const {
  const Clock::duration since = Clock::now() - flushed_;
  if (flush_took_ > kLongFlush && since < kLeastShare * flush_took_) return false;
  return since >= std::chrono::duration<double>(flush_every_s_);
}

void ResultWriter::flush() { directory_->flush(*manifest_); }

void ResultWriter::flushed(Clock::time_point start) {
  flushed_ = Clock::now();
  flush_took_ = flushed_ - start;
}

}  // namespace shoal::run
