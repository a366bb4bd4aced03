#include "engine/cuda/cohort_outputs.hpp"

#include <algorithm>
#include <numeric>

#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"

namespace shoal::cuda {
namespace {

CohortPlan plan_of_one(const Trial& trial, std::uint32_t most_rows) {
  CohortPlan plan;
  plan.add({gang_key(trial), 0, 1, false, false});
  plan.key = cohort_key(plan.members.front());
  plan.most_rows = most_rows;
  return plan;
}

}  // namespace

template <class T>
CohortOutputs<T>::CohortOutputs(const Cohort<T>& cohort, const Stream& stream)
    : cohort_(&cohort),
      stream_(&stream),
      stride_(largest_outputs(cohort.plan())),
      row_loss_(cohort.plan().members.size() * cohort.plan().most_rows),
      outputs_(row_loss_.size() * stride_),
      host_row_loss_(row_loss_.size()),
      host_outputs_(outputs_.size()) {}

template <class T>
void CohortOutputs<T>::pass(RowSource from, std::uint32_t n_rows) {
  cohort_->gather(from, n_rows);
  cohort_->forward(n_rows, false);
  const std::size_t n_networks = cohort_->task().n_networks;
  cohort_->output(n_rows, false, row_loss_.get());
  launch_pack_outputs(cohort_->task(), n_rows, outputs_.get(), stride_, stream_->get());
  n_passed_ = n_rows;
  outputs_.download(std::span(host_outputs_).first(n_networks * n_rows * stride_), *stream_);
  row_loss_.download(std::span(host_row_loss_).first(n_networks * cohort_->plan().most_rows), *stream_);
  stream_->wait();
}

template <class T>
float CohortOutputs<T>::loss(std::uint32_t member, std::uint32_t r) const {
  return host_row_loss_[std::size_t{cohort_->place(member)} * cohort_->plan().most_rows + r];
}

template <class T>
std::span<const float> CohortOutputs<T>::row(std::uint32_t member, std::uint32_t r) const {
  const std::size_t first = (std::size_t{cohort_->place(member)} * n_passed_ + r) * stride_;
  return std::span(host_outputs_).subspan(first, cohort_->shape(member).layers.back().n_out);
}

template <class T>
CohortPass<T>::CohortPass(const Trial& trial, std::span<const float> parameters, std::uint32_t most_rows,
                          DeviceTable& table, const Blas* blas, const Stream& stream)
    : trial_(&trial), table_(&table), stream_(&stream), cohort_(plan_of_one(trial, most_rows), table, blas, stream) {
  const NetworkRules rules = rules_of(trial, false);
  const NetworkState state;  // no epoch to train: a pass makes no step
  const Cursor cursor;
  rules_ = uploaded(std::span(&rules, 1), stream);
  state_ = uploaded(std::span(&state, 1), stream);
  cursor_ = uploaded(std::span(&cursor, 1), stream);
  cohort_.set_training({.rules = rules_.get(), .states = state_.get(), .cursor = cursor_.get()});
  cohort_.write(Cohort<T>::Vector::weights, 0, parameters);
  cohort_.hand_to_device();
  stream.wait();
}

template <class T>
std::vector<float> CohortPass<T>::predict(std::span<const float> inputs) {
  const std::uint32_t most_rows = cohort_.plan().most_rows;
  const auto n_in = static_cast<std::size_t>(trial_->topology.n_inputs);
  const auto n_rows = static_cast<std::uint32_t>(inputs.size() / n_in);
  std::vector<std::uint32_t> list(n_rows);
  std::iota(list.begin(), list.end(), 0U);
  const DeviceBuffer<float> device_inputs = uploaded(inputs, *stream_);
  const DeviceBuffer<std::uint32_t> device_list = uploaded(std::span<const std::uint32_t>(list), *stream_);
  Rows rows;
  rows.inputs = device_inputs.get();
  cohort_.set_rows(rows);
  CohortOutputs<T> outputs(cohort_, *stream_);
  std::vector<float> all;
  for (std::uint32_t first = 0; first < n_rows; first += most_rows) {
    const std::uint32_t n = std::min(most_rows, n_rows - first);
    outputs.pass({device_list.get() + first}, n);
    for (std::uint32_t r = 0; r < n; ++r) {
      const std::span<const float> row = outputs.row(0, r);
      all.insert(all.end(), row.begin(), row.end());
    }
  }
  return all;
}

template <class T>
Pass CohortPass<T>::pass(std::span<const std::uint32_t> rows) {
  const auto n_rows = static_cast<std::uint32_t>(rows.size());
  const CohortTask<T>& task = cohort_.task();
  const CohortShape& shape = cohort_.shape(0);
  const DeviceBuffer<std::uint32_t> list = uploaded(rows, *stream_);
  DeviceBuffer<float> row_loss(n_rows);
  std::vector<float> z(shape.n_z), outputs(shape.n_z), losses(n_rows), gradient(shape.n_parameters);
  std::vector<T> values(shape.n_values);
  cohort_.gather(table_->source(list.get(), rows), n_rows);
  cohort_.forward(n_rows, false);
  copy_to_host(std::span(z), task.z, *stream_);
  cohort_.output(n_rows, true, row_loss.get());
  cohort_.backward(n_rows, false);
  cohort_.finish_gradient(n_rows);
  copy_to_host(std::span(outputs), task.z, *stream_);
  copy_to_host(std::span(values), task.values, *stream_);
  copy_to_host(std::span(gradient), task.gradient, *stream_);
  row_loss.download(losses, *stream_);
  stream_->wait();

  Pass pass;
  for (std::size_t l = 0; l < shape.layers.size(); ++l) {
    const CohortLayer& layer = shape.layers[l];
    pass.z.emplace_back();
    pass.a.emplace_back();
    for (std::size_t r = 0; r < n_rows; ++r) {
      for (std::uint32_t o = 0; o < layer.n_out; ++o) {
        const std::size_t at = r * layer.stride + o;
        pass.z.back().push_back(static_cast<double>(z[layer.z + at]));
        pass.a.back().push_back(static_cast<double>(l + 1 < shape.layers.size()
                                                        ? math::to_float(values[shape.layers[l + 1].values + at])
                                                        : outputs[layer.z + at]));
      }
    }
  }
  const std::vector<float> canonical = shape.unpack(gradient);
  pass.gradient.assign(canonical.begin(), canonical.end());
  pass.loss = mean_row_loss(table_->dataset(), *trial_, rows, losses);
  return pass;
}

template class CohortOutputs<float>;
template class CohortOutputs<math::Bfloat16>;
template class CohortPass<float>;
template class CohortPass<math::Bfloat16>;

}  // namespace shoal::cuda
