#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/cohort.hpp"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// What the selected networks of a cohort say to rows. Waits for its results.
template <class T>
class CohortOutputs {
 public:
  /// Both outlive it. Allocates for as many rows of all networks as the cohort takes at a time.
  CohortOutputs(const Cohort<T>& cohort, const Stream& stream);

  /// Device bytes that it takes.
  [[nodiscard]] static std::uint64_t bytes(const CohortPlan& plan) {
    return plan.members.size() * plan.most_rows * (1U + largest_outputs(plan)) * sizeof(float);
  }

  /// At most the cohort's most_rows. Adds to the cohort's sums.
  void pass(RowSource from, std::uint32_t n_rows);
  /// Of row r of the last pass, of members that it was for: unweighted, and [n_outputs] after softmax or sigmoid.
  [[nodiscard]] float loss(std::uint32_t member, std::uint32_t r) const;
  [[nodiscard]] std::span<const float> row(std::uint32_t member, std::uint32_t r) const;

 private:
  const Cohort<T>* cohort_;
  const Stream* stream_;
  std::uint32_t stride_;        ///< floats of a row, the most outputs that a network has
  std::uint32_t n_passed_ = 0;  ///< rows of the last pass
  DeviceBuffer<float> row_loss_, outputs_;
  std::vector<float> host_row_loss_, host_outputs_;
};

/// One network alone, nothing trained.
template <class T>
class CohortPass {
 public:
  /// For at most most_rows rows at a time. All outlive it.
  CohortPass(const Trial& trial, std::span<const float> parameters, std::uint32_t most_rows, DeviceTable& table,
             const Blas* blas, const Stream& stream);

  /// inputs: [row][n_inputs], scaled.
  [[nodiscard]] std::vector<float> predict(std::span<const float> inputs);
  [[nodiscard]] Pass pass(std::span<const std::uint32_t> rows);

 private:
  const Trial* trial_;
  DeviceTable* table_;
  const Stream* stream_;
  Cohort<T> cohort_;
  DeviceBuffer<NetworkRules> rules_;
  DeviceBuffer<NetworkState> state_;
  DeviceBuffer<Cursor> cursor_;
};

}  // namespace shoal::cuda
