#pragma once

#include <compare>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// What a screen shows of a sweep beside its counts: the best trials, how the best value came about, the rungs. Kept
/// where results are written, so that nobody asks the database; a trial that is none of the best costs a comparison.
class LiveFacts {
 public:
  /// With what an earlier run left in the directory. `start`: the progress that this run begins with.
  LiveFacts(const SweepSpec& spec, const store::RunDirectory& directory, const Progress& start);

  void finished(const TrialResult& result);
  void passed(std::span<const RungPassage> passages);
  /// The sweep has come so far, and this is its best value.
  void reached(const Progress& progress);
  void add_to(Progress& progress) const;

 private:
  /// Smaller is better: one that a rung ended comes after all others.
  struct Place {
    bool pruned;
    double rank;
    std::string_view id;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  [[nodiscard]] Place place_of(const LeaderboardRow& row) const { return place(row.status, row.metric, row.id); }
  [[nodiscard]] Place place(TrialStatus status, double metric, std::string_view id) const {
    return {status == TrialStatus::pruned, maximize_ ? -metric : metric, id};
  }
  void insert(LeaderboardRow&& row);

  Metric metric_;
  bool maximize_;
  std::vector<std::string> varying_;  ///< parameters
  std::vector<LeaderboardRow> best_;
  std::string best_id_;  ///< of the last point
  std::vector<BestSoFar> best_so_far_;
  std::vector<RungPassage> rungs_;
};

}  // namespace shoal::run
