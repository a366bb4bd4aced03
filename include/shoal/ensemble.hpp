#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "shoal/metric.hpp"

namespace shoal {

struct EnsembleOptions {
  std::uint32_t size = 20;       ///< at most so many choices, a network chosen again counting again
  std::optional<Metric> metric;  ///< empty: the run's own
  std::filesystem::path out;     ///< empty: ensemble.json of the run, which `predict` reads
};

/// A weighted average of stored networks.
struct Ensemble {
  struct Member {
    std::string id;
    std::uint32_t times = 0;  ///< chosen
    double weight = 0;        ///< of all choices
  };
  Metric metric = Metric::val_loss;
  bool maximize = false;
  std::uint32_t fold = 0;       ///< the split whose validation rows chose
  std::uint64_t n_rows = 0;     ///< of these
  std::uint32_t n_choices = 0;  ///< sum of `times`
  std::vector<Member> members;  ///< most often chosen first, then by id
  double value = 0;             ///< metric of the average on the rows that chose it: better than on others
  std::string best_id;          ///< the best single network on the same rows
  double best_value = 0;
  std::uint32_t n_candidates = 0;   ///< stored networks of this split
  std::uint32_t n_other_folds = 0;  ///< stored networks of other splits, which know these rows from training
  std::filesystem::path file;       ///< where it was written
};

/// Greedy selection with replacement (Caruana et al. 2004, section 2.1) among the stored networks of a run: each step
/// adds the network with which the average's metric on the validation rows is best; the best average of all steps is
/// written. Candidates are the networks of one split, that of the best one. Reads the run's table again. Throws
/// InputError where the run or its table is not there, the table has changed, or the metric cannot be had of an
/// average.
Ensemble select_ensemble(const std::filesystem::path& run, const EnsembleOptions& options);

}  // namespace shoal
