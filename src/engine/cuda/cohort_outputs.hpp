#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/cohort.hpp"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// What all networks of a cohort say to rows, those that have ended too. While it is there, passes are for all. Waits
/// for its results.
template <class T>
class CohortOutputs {
 public:
  /// row_loss: [network][most_rows]. All outlive it.
  CohortOutputs(Cohort<T>& cohort, const DeviceBuffer<float>& row_loss, const Stream& stream);
  ~CohortOutputs();
  CohortOutputs(const CohortOutputs&) = delete;
  CohortOutputs& operator=(const CohortOutputs&) = delete;

  /// At most the cohort's most_rows.
  void pass(RowSource from, std::uint32_t n_rows);
  /// Of row r of the last pass: unweighted, and [n_outputs] after softmax or sigmoid.
  [[nodiscard]] float loss(std::uint32_t member, std::uint32_t r) const;
  [[nodiscard]] std::span<const float> row(std::uint32_t member, std::uint32_t r) const;

 private:
  Cohort<T>* cohort_;
  const Stream* stream_;
  const DeviceBuffer<float>* row_loss_;
  std::vector<float> host_z_, host_row_loss_;
};

/// One network alone, nothing trained.
template <class T>
class CohortPass {
 public:
  /// For at most most_rows rows at a time. All outlive it.
  CohortPass(const Trial& trial, std::span<const float> parameters, std::uint32_t most_rows, DeviceTable& table,
             const Blas& blas, const Stream& stream);

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
