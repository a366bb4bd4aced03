#include "plan/plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

/// The smallest sensible workspace grows with every gang that joins a chunk, so it is asked for anew each time a gang
/// of another shape comes: a chunk holds few shapes and many gangs.
class ChunkBuilder {
 public:
  ChunkBuilder(const Engine& engine, std::uint64_t limit_bytes) : engine_(&engine), limit_(limit_bytes) {}

  void add(const Cohort& cohort, std::span<const std::uint64_t> members, std::uint32_t gang_size) {
    Gang gang{cohort.key, static_cast<Slot>(n_slots_), gang_size, cohort.keeps_best};
    const std::uint64_t places = engine_->bytes_per_slot(gang) * gang_size;
    const std::uint64_t workspace = workspace_with(gang);
    if (places_ > 0 && places_ + places + workspace > limit_) {
      finish();
      gang.first_slot = 0;
      return add(cohort, members, gang_size);
    }
    if (places + workspace > limit_) {
      throw Error(fmt::format("trainer.memory: one network of this sweep needs {:.1f} MiB, the limit is {:.1f} MiB",
                              static_cast<double>(places + workspace) / kMiB, static_cast<double>(limit_) / kMiB));
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      chunk_.placements.push_back({members[i], gang.first_slot + static_cast<Slot>(i)});
    }
    chunk_.gangs.push_back(gang);
    n_slots_ += gang_size;
    places_ += places;
    workspace_ = workspace;
  }

  std::vector<Chunk> take() {
    finish();
    return std::move(chunks_);
  }

 private:
  std::uint64_t workspace_with(const Gang& gang) {
    if (!shapes_.empty() && shapes_.back().key == gang.key) return workspace_;
    if (std::ranges::none_of(shapes_, [&](const Gang& g) { return g.key == gang.key; })) shapes_.push_back(gang);
    return engine_->workspace_bytes(shapes_);
  }

  void finish() {
    if (chunk_.gangs.empty()) return;
    chunk_.bytes = places_ + workspace_;
    chunks_.push_back(std::move(chunk_));
    chunk_ = {};
    shapes_.clear();
    n_slots_ = 0;
    places_ = workspace_ = 0;
  }

  const Engine* engine_;
  std::uint64_t limit_;
  std::vector<Chunk> chunks_;
  Chunk chunk_;
  std::vector<Gang> shapes_;  ///< of this chunk, one gang a key
  std::uint64_t n_slots_ = 0;
  std::uint64_t places_ = 0;
  std::uint64_t workspace_ = 0;
};

}  // namespace

double training_cost(const Trial& trial, std::size_t n_training_rows) {
  double per_row = 0;
  for (std::size_t l = 0; l < trial.topology.n_layers(); ++l) {
    const double weights = static_cast<double>(trial.topology.n_parameters(l));
    per_row += weights * (l == 0 ? 2 : 3);
  }
  return per_row * static_cast<double>(n_training_rows) * static_cast<double>(trial.hyperparameters.max_iter);
}

std::vector<Cohort> group_into_cohorts(std::span<const std::uint64_t> numbers, const Trials& trials,
                                       const Dataset& dataset) {
  std::map<GangKey, Cohort> by_key;
  for (const std::uint64_t number : numbers) {
    const Trial trial = trials.at(number);
    Cohort& cohort = by_key[gang_key(trial)];
    cohort.trials.push_back(number);
    cohort.keeps_best |= trial.hyperparameters.n_iter_no_change > 0;
    cohort.cost = std::max(cohort.cost, training_cost(trial, dataset.splits.at(trial.fold).training.size()));
  }
  std::vector<Cohort> cohorts;
  for (auto& [key, cohort] : by_key) {
    cohort.key = key;
    std::ranges::sort(cohort.trials);
    cohorts.push_back(std::move(cohort));
  }
  std::ranges::sort(cohorts, [](const Cohort& a, const Cohort& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.trials.front() < b.trials.front();
  });
  return cohorts;
}

std::vector<Chunk> divide_into_chunks(const std::vector<Cohort>& cohorts, const Engine& engine,
                                      std::uint64_t limit_bytes) {
  ChunkBuilder builder(engine, limit_bytes);
  for (const Cohort& cohort : cohorts) {
    const std::uint32_t gang_size = std::max(1U, engine.gang_size(cohort.key));
    for (std::size_t first = 0; first < cohort.trials.size(); first += gang_size) {
      const std::size_t count = std::min<std::size_t>(gang_size, cohort.trials.size() - first);
      builder.add(cohort, std::span(cohort.trials).subspan(first, count), gang_size);
    }
  }
  return builder.take();
}

std::uint64_t dataset_bytes(const Dataset& dataset) {
  std::uint64_t bytes = (dataset.inputs.size() + dataset.targets.size() + dataset.weights.size()) * sizeof(float) +
                        dataset.labels.size() * sizeof(std::int32_t) + dataset.test.size() * sizeof(std::uint32_t);
  for (const Split& split : dataset.splits)
    bytes += (split.training.size() + split.validation.size()) * sizeof(std::uint32_t);
  return bytes;
}

}  // namespace shoal
