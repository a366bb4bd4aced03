#include "run/result_writer.hpp"

#include <utility>

namespace shoal::run {
namespace {

constexpr std::chrono::milliseconds kShowEvery{200};

}  // namespace

ResultWriter::ResultWriter(store::RunDirectory& directory, store::Manifest& manifest, KeptNetworks& kept,
                           double flush_every_s, const Progress& start,
                           std::function<void(const Progress&)> on_progress)
    : directory_(&directory),
      manifest_(&manifest),
      kept_(&kept),
      flush_every_s_(flush_every_s),
      on_progress_(std::move(on_progress)),
      last_(start) {}

void ResultWriter::finished(TrialResult&& result, TrialState&& state) {
  directory_->add(result);
  if (result.status == TrialStatus::diverged) return;
  const double metric = result.metrics.of(manifest_->metric);
  const KeptNetworks::Decision decision = kept_->offer(result.trial.id, metric, result.status == TrialStatus::pruned);
  // The new one first: a process that dies in between leaves one network too many, never one too few.
  if (decision.keep) directory_->keep({std::move(result.trial), std::move(state.parameters), metric});
  if (!decision.forget.empty()) directory_->forget(decision.forget);
}

void ResultWriter::progress(const Progress& progress) {
  manifest_->epochs_trained += progress.epochs_done - last_.epochs_done;
  last_ = progress;
  directory_->checkpoints().count_epochs(manifest_->epochs_trained);
  const Clock::time_point now = Clock::now();
  if (on_progress_ && (now - shown_ >= kShowEvery || progress.n_done == progress.n_trials)) {
    on_progress_(progress);
    shown_ = now;
  }
}

bool ResultWriter::wants_flush() const {
  return Clock::now() - flushed_ >= std::chrono::duration<double>(flush_every_s_);
}

void ResultWriter::flush() {
  directory_->flush(*manifest_);
  flushed_ = Clock::now();
}

}  // namespace shoal::run
