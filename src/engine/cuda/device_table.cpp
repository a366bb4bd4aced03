#include "engine/cuda/device_table.hpp"

#include <algorithm>

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
  stream_->wait();
}

/// Targets are scaled and classes weighed here, by the functions that every engine shares.
const DeviceTable::Fold& DeviceTable::fold(std::uint32_t index) {
  const auto [found, is_new] = folds_.try_emplace(index);
  Fold& fold = found->second;
  if (!is_new) return fold;
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
  return fold;
}

Rows DeviceTable::rows(std::uint32_t fold_index) {
  const Fold& f = fold(fold_index);
  return {inputs_.get(),         f.targets.get(), labels_.get(),  row_weights_.get(),
          f.class_weights.get(), f.offset.get(),  f.factor.get(), f.fill.get()};
}

double DeviceTable::weight_of(std::span<const std::uint32_t> rows) const {
  math::Sum32 sum;
  for (const std::uint32_t row : rows) sum.add(row_weight(row));
  return sum.total();
}

std::uint64_t DeviceTable::bytes(const Dataset& dataset, std::uint64_t launch_rows) {
  const std::uint64_t table = (dataset.inputs.size() + dataset.labels.size() + dataset.weights.size()) * sizeof(float);
  const std::uint64_t fold = dataset.n_rows * (static_cast<std::uint64_t>(dataset.n_targets()) + 1) * sizeof(float);
  const std::uint64_t orders = std::max<std::uint64_t>(launch_rows, dataset.n_rows) * sizeof(std::uint32_t);
  return table + dataset.splits.size() * (fold + orders);
}

}  // namespace shoal::cuda
