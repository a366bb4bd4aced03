#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/row_stream.hpp"
#include "kernels/cuda/cohort.cuh"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// A dataset on the device: its inputs once, and what each fold makes of them at the fold's first use. Inputs that are
/// too many for the device stay on the host and come a minibatch at a time.
class DeviceTable {
 public:
  /// `dataset` and `stream` outlive it.
  DeviceTable(const Dataset& dataset, const Stream& stream);
  /// The same with inputs that stay on the host, where n_threads gather them.
  DeviceTable(const Dataset& dataset, const Stream& stream, std::uint32_t n_threads);

  /// A fold's rows on the device.
  struct Fold {
    DeviceBuffer<float> offset, factor, fill;
    DeviceBuffer<float> targets, class_weights;  ///< of classification the second, of all else the first
    DeviceBuffer<std::uint32_t> training, validation;
    double validation_weight = 0;
  };
  const Fold& fold(std::uint32_t index);
  [[nodiscard]] Rows rows(std::uint32_t fold_index);
  /// Rows of a set, and the same list on the device.
  struct EvaluatedRows {
    std::span<const std::uint32_t> rows;
    const std::uint32_t* list = nullptr;
  };
  [[nodiscard]] EvaluatedRows evaluated(RowSet set, std::uint32_t fold_index);

  /// Whether inputs stay on the host. Rows have no inputs then but those of a source.
  [[nodiscard]] bool is_streamed() const noexcept { return row_stream_.has_value(); }
  /// Makes room for so many rows at a time.
  void reserve(std::uint32_t most_rows) {
    if (row_stream_) row_stream_->reserve(most_rows);
  }
  /// Where the stream's next gather finds these rows; list: the same on the device, or null for the epoch's.
  [[nodiscard]] RowSource source(const std::uint32_t* list, std::span<const std::uint32_t> rows) {
    return {list, row_stream_ ? row_stream_->bring(rows) : nullptr};
  }
  /// The gather was put on the stream.
  void was_gathered() {
    if (row_stream_) row_stream_->was_read();
  }

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
  void upload_rows();

  const Dataset* dataset_;
  const Stream* stream_;
  DeviceBuffer<float> inputs_, row_weights_;
  DeviceBuffer<std::int32_t> labels_;
  DeviceBuffer<std::uint32_t> test_;
  std::map<std::uint32_t, Fold> folds_;
  std::optional<RowStream> row_stream_;
};

}  // namespace shoal::cuda
