#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/training.cuh"
#include "shoal/data.hpp"

namespace shoal::cuda {

/// A dataset on the device: its inputs once, and what each fold makes of them at the fold's first use.
class DeviceTable {
 public:
  /// `dataset` and `stream` outlive it.
  DeviceTable(const Dataset& dataset, const Stream& stream);

  /// A fold's rows on the device.
  struct Fold {
    DeviceBuffer<float> offset, factor, fill;
    DeviceBuffer<float> targets, class_weights;  ///< of classification the second, of all else the first
    DeviceBuffer<std::uint32_t> training, validation;
    double validation_weight = 0;
  };
  const Fold& fold(std::uint32_t index);
  [[nodiscard]] Rows rows(std::uint32_t fold_index);

  [[nodiscard]] const Dataset& dataset() const noexcept { return *dataset_; }
  [[nodiscard]] const Split& split(std::uint32_t fold_index) const { return dataset_->splits.at(fold_index); }
  [[nodiscard]] std::uint32_t n_training(std::uint32_t fold_index) const {
    return static_cast<std::uint32_t>(split(fold_index).training.size());
  }
  /// Rows of the larger set of RowSet.
  [[nodiscard]] std::size_t most_evaluated(std::uint32_t fold_index) const {
    return std::max(split(fold_index).validation.size(), dataset_->test.size());
  }
  [[nodiscard]] double row_weight(std::uint32_t row) const {
    return dataset_->weights.empty() ? 1.0 : static_cast<double>(dataset_->weights[row]);
  }
  /// Sum of the rows' weights, in the strict order.
  [[nodiscard]] double weight_of(std::span<const std::uint32_t> rows) const;
  /// Uploads the folds that were not used yet.
  void upload_folds();
  /// Of the table and all its folds.
  [[nodiscard]] static std::uint64_t bytes(const Dataset& dataset);

 private:
  const Dataset* dataset_;
  const Stream* stream_;
  DeviceBuffer<float> inputs_, row_weights_;
  DeviceBuffer<std::int32_t> labels_;
  std::map<std::uint32_t, Fold> folds_;
};

}  // namespace shoal::cuda
