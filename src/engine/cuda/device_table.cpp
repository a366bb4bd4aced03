#include "engine/cuda/device_table.hpp"

#include <utility>

#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cuda {

DeviceTable::DeviceTable(const Dataset& dataset, const Stream& stream) : dataset_(&dataset), stream_(&stream) {
  inputs_ = uploaded(std::span<const float>(dataset.inputs), stream);
  upload_rows();
}

DeviceTable::DeviceTable(const Dataset& dataset, const Stream& stream, std::uint32_t n_threads)
    : dataset_(&dataset), stream_(&stream) {
  row_stream_.emplace(dataset.inputs, static_cast<std::size_t>(dataset.n_inputs()), n_threads, stream);
  upload_rows();
}

void DeviceTable::upload_rows() {
  labels_ = uploaded(std::span<const std::int32_t>(dataset_->labels), *stream_);
  row_weights_ = uploaded(std::span<const float>(dataset_->weights), *stream_);
  test_ = uploaded(std::span<const std::uint32_t>(dataset_->test), *stream_);
  stream_->wait();
}

/// Targets are scaled and classes weighed here, by the functions that every engine shares.
const DeviceTable::Fold& DeviceTable::fold(std::uint32_t index) {
  if (const auto found = folds_.find(index); found != folds_.end()) return found->second;
  Fold fold;
  const Split& split = dataset_->splits.at(index);
  const auto n_out = static_cast<std::size_t>(dataset_->n_targets());
  std::vector<float> targets;
  std::vector<float> weights;
  if (dataset_->task() == Task::classification) {
    weights = class_weights(*dataset_, split, ClassWeight::balanced);
  } else {
    targets.resize(dataset_->n_rows * n_out);
  }
  for (std::size_t r = 0; r < targets.size() / n_out; ++r) {
    fill_target(*dataset_, split, Loss::squared_error, static_cast<std::uint32_t>(r),
                std::span(targets).subspan(r * n_out, n_out));
  }
  fold.targets = uploaded(std::span<const float>(targets), *stream_);
  fold.class_weights = uploaded(std::span<const float>(weights), *stream_);
  fold.offset = uploaded(std::span<const float>(split.inputs.offset), *stream_);
  fold.factor = uploaded(std::span<const float>(split.inputs.factor), *stream_);
  fold.fill = uploaded(std::span<const float>(split.inputs.fill), *stream_);
  fold.training = uploaded(std::span<const std::uint32_t>(split.training), *stream_);
  fold.validation = uploaded(std::span<const std::uint32_t>(split.validation), *stream_);
  fold.validation_weight = weight_of(split.validation);
  stream_->wait();
  return folds_.emplace(index, std::move(fold)).first->second;  // whole, or not at all where memory ends
}

Rows DeviceTable::rows(std::uint32_t fold_index) {
  const Fold& f = fold(fold_index);
  return {inputs_.get(),         f.targets.get(), labels_.get(),  row_weights_.get(),
          f.class_weights.get(), f.offset.get(),  f.factor.get(), f.fill.get()};
}

DeviceTable::EvaluatedRows DeviceTable::evaluated(RowSet set, std::uint32_t fold_index) {
  if (set == RowSet::test) return {dataset_->test, test_.get()};
  return {split(fold_index).validation, fold(fold_index).validation.get()};
}

double DeviceTable::weight_of(std::span<const std::uint32_t> rows) const {
  math::Sum32 sum;
  for (const std::uint32_t row : rows) sum.add(row_weight(row));
  return sum.total();
}

void DeviceTable::upload_folds() {
  for (std::uint32_t index = 0; index < dataset_->splits.size(); ++index) static_cast<void>(fold(index));
}

std::uint64_t DeviceTable::bytes(const Dataset& dataset) {
  static_assert(sizeof(float) == sizeof(std::int32_t) && sizeof(float) == sizeof(std::uint32_t));
  const auto n_targets = static_cast<std::uint64_t>(dataset.n_targets());
  const std::uint64_t of_targets = dataset.task() == Task::classification ? n_targets : dataset.n_rows * n_targets;
  std::uint64_t n = dataset.inputs.size() + dataset.labels.size() + dataset.weights.size() + dataset.test.size();
  for (const Split& split : dataset.splits) {
    n += of_targets + 3 * split.inputs.offset.size() + split.training.size() + split.validation.size();
  }
  return n * sizeof(float);
}

}  // namespace shoal::cuda
