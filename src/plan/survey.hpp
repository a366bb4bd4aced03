#pragma once

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
  [[nodiscard]] std::uint64_t n_chunks() const noexcept { return n_chunks_; }
  [[nodiscard]] std::uint64_t largest_chunk_bytes() const noexcept { return largest_chunk_bytes_; }
  /// One row a topology and kernel, most work first.
  [[nodiscard]] std::vector<PlanRow> rows() const;

 private:
  struct Shape {
    std::uint64_t n_trials = 0, n_gangs = 0, bytes = 0;
    double cost = 0;
  };
  std::map<std::pair<Topology, std::string>, Shape> shapes_;  ///< by topology and kernel
  std::uint64_t n_trials_ = 0, n_epochs_ = 0, n_samples_ = 0, n_chunks_ = 0, largest_chunk_bytes_ = 0;
  double cost_ = 0;
};

}  // namespace shoal::plan
