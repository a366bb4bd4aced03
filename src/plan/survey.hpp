#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plan/plan.hpp"
#include "shoal/run.hpp"

namespace shoal::plan {

/// `16-64-64-26 relu, relu`.
[[nodiscard]] std::string topology_text(const Topology& topology);

/// Adds up what the plans of all windows of a sweep say.
class Survey {
 public:
  void add(std::span<const Trial> trials, std::span<const Chunk> chunks, const Dataset& dataset, const Engine& engine);

  [[nodiscard]] std::uint64_t n_trials() const noexcept { return n_trials_; }
  [[nodiscard]] std::uint64_t n_epochs() const noexcept { return n_epochs_; }    ///< network-epochs
  [[nodiscard]] std::uint64_t n_samples() const noexcept { return n_samples_; }  ///< rows x epochs, all trials
  [[nodiscard]] double cost() const noexcept { return cost_; }
  /// Seconds that the engine predicts: chunks come one after another.
  [[nodiscard]] double predicted_s() const noexcept { return predicted_s_; }
  [[nodiscard]] std::uint64_t n_chunks() const noexcept { return n_chunks_; }
  [[nodiscard]] std::uint64_t largest_chunk_bytes() const noexcept { return largest_chunk_bytes_; }
  /// One row a topology and kernel, most work first.
  [[nodiscard]] std::vector<PlanRow> rows() const;

 private:
  /// What gangs take that a machine trains together: their shares of it, or the longest of them.
  struct Time {
    double together_s = 0, longest_s = 0;
    void add(const Prediction& prediction, double n_epochs);
    [[nodiscard]] double seconds() const { return std::max(together_s, longest_s); }
  };
  struct Shape {
    std::uint64_t n_trials = 0, n_gangs = 0, bytes = 0;
    double cost = 0;
    std::map<std::string, Time> times;  ///< by kernel that could train it
  };
  std::map<std::pair<Topology, std::string>, Shape> shapes_;  ///< by topology and kernel
  std::uint64_t n_trials_ = 0, n_epochs_ = 0, n_samples_ = 0, n_chunks_ = 0, largest_chunk_bytes_ = 0;
  double cost_ = 0, predicted_s_ = 0;
};

}  // namespace shoal::plan
