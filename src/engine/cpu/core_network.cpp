#include "engine/cpu/core_network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/cpu/epoch_end.hpp"
#include "engine/cpu/team_choice.hpp"
#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cpu {
namespace {

bool all_finite(const NetworkLayout& layout, const float* values) {
  for (const Layer& layer : layout.layers()) {
    for (std::size_t i = 0; i <= layer.n_in; ++i) {
      for (std::size_t o = 0; o < layer.n_out; ++o) {
        if (!std::isfinite(values[layer.at(i, o)])) return false;
      }
    }
  }
  return true;
}

}  // namespace

CoreNetwork::CoreNetwork(std::shared_ptr<const NetworkLayout> layout, const Gang& gang)
    : layout_(std::move(layout)), vectors_(gang, layout_->n_floats()) {}

std::uint64_t CoreNetwork::bytes(const Gang& gang) {
  return sizeof(CoreNetwork) + NetworkVectors::bytes(gang, NetworkLayout(gang.key.topology).n_floats());
}

void CoreNetwork::place(const Shared& shared, const Trial& trial, const TrialState& state) {
  occupied_ = true;
  trial_ = trial;
  state_ = state;
  layer_rates_ = layer_rates(trial);
  class_weights_ =
      class_weights(*shared.dataset, shared.dataset->splits.at(trial.fold), trial.hyperparameters.class_weight);
  vectors_.take(trial.hyperparameters, state_,
                [&](std::span<const float> from, float* to) { layout_->pack(from, to); });
}

TrialState CoreNetwork::read() const {
  TrialState state = state_;
  vectors_.give(trial_.hyperparameters, state, [&](const float* from) {
    std::vector<float> canonical(layout_->n_parameters());
    layout_->unpack(from, canonical);
    return canonical;
  });
  return state;
}

double CoreNetwork::cost(const Shared& shared, std::uint32_t epoch) const {
  if (state_.status != TrialStatus::running || epoch <= state_.epoch) return 0;
  return static_cast<double>(layout_->n_parameters()) * (epoch - state_.epoch) *
         static_cast<double>(shared.dataset->splits.at(trial_.fold).training.size());
}

bool CoreNetwork::is_divisible(const Shared& shared) const {
  const auto n_rows = static_cast<std::uint32_t>(shared.dataset->splits.at(trial_.fold).training.size());
  return cpu::is_divisible(layout_->n_parameters(), rows_in_minibatch(trial_, n_rows));
}

bool CoreNetwork::train(Shared& shared, const TrainTarget& target, Minibatch& minibatch, const std::stop_token& stop,
                        std::vector<EpochRecord>& records) {
  while (state_.status == TrialStatus::running && state_.epoch < target.epoch) {
    if (stop.stop_requested()) return true;
    if (!train_epoch(shared, target.slot, minibatch, stop, records)) return false;
  }
  return true;
}

bool CoreNetwork::train_epoch(Shared& shared, Slot slot, Minibatch& minibatch, const std::stop_token& stop,
                              std::vector<EpochRecord>& records) {
  const Split& split = shared.dataset->splits.at(trial_.fold);
  const auto n_rows = static_cast<std::uint32_t>(split.training.size());
  const std::uint32_t batch = rows_in_minibatch(trial_, n_rows);
  const EpochOrders::Order order = shared.orders.get(trial_, split.training, state_.epoch);
  const float rate = epoch_rate(trial_, n_rows, state_.epoch, state_.n_rate_drops);
  EpochRecord record{.slot = slot, .epoch = state_.epoch + 1};
  math::Sum32 loss;
  math::Sum32 weight;
  minibatch.shape(*layout_, std::min<std::size_t>(batch, minibatch.block_rows()), trial_.hyperparameters.dropout > 0);
  for (std::uint32_t first = 0; first < n_rows; first += batch) {
    if (stop.stop_requested()) return false;
    const auto rows = std::span(*order).subspan(first, std::min(batch, n_rows - first));
    add_gradients(minibatch, split, rows, loss, weight);
    take_step(minibatch, rate);
  }
  record.train_loss = loss.total();
  record.train_weight = weight.total();
  finish_epoch(shared, minibatch, record);
  records.push_back(record);
  return true;
}

void CoreNetwork::add_gradients(Minibatch& minibatch, const Split& split, std::span<const std::uint32_t> rows,
                                math::Sum32& loss, math::Sum32& weight) const {
  const Hyperparameters& h = trial_.hyperparameters;
  const math::Dropout dropout(h.dropout, trial_.seed, state_.step);
  for (std::size_t first = 0; first < rows.size(); first += minibatch.block_rows()) {
    const auto block = rows.subspan(first, std::min(minibatch.block_rows(), rows.size() - first));
    minibatch.gather(split, h.loss, block, class_weights_, first);
    minibatch.forward(vectors_.weights.data(), h, h.dropout > 0 ? &dropout : nullptr);
    minibatch.backward();
    minibatch.add_row_losses(loss, weight);
  }
}

void CoreNetwork::take_step(Minibatch& minibatch, float rate) {
  const Hyperparameters& h = trial_.hyperparameters;
  ++state_.step;
  Update update{.hyperparameters = &h,
                .rate = static_cast<double>(rate),
                .factors = layer_rates_,
                .weights = vectors_.weights.data(),
                .first_moment = has_first_moment(h) ? vectors_.first_moment.data() : nullptr,
                .second_moment = has_second_moment(h.solver) ? vectors_.second_moment.data() : nullptr};
  if (corrects_bias(h.solver)) {
    state_.beta_1_power *= h.beta_1;
    state_.beta_2_power *= h.beta_2;
    update.correction_1 = 1.0 - state_.beta_1_power;
    update.correction_2 = std::sqrt(1.0 - state_.beta_2_power);
  }
  minibatch.step(update);
}

void CoreNetwork::finish_epoch(const Shared& shared, Minibatch& minibatch, EpochRecord& record) {
  const MetricSums validation = measure(shared, minibatch, RowSet::validation, shared.options.metric);
  add_validation(record, validation, shared.options, shared.dataset->task());
  const math::EpochRules rules = epoch_rules(trial_.hyperparameters, shared.options);
  const math::EpochDecision decision = end_epoch(state_, rules, record, is_finite());
  const std::size_t n = layout_->n_floats();
  if (decision.is_best) std::copy_n(vectors_.weights.data(), n, vectors_.best.data());
  if (math::takes_best(decision, rules)) std::copy_n(vectors_.best.data(), n, vectors_.weights.data());
}

bool CoreNetwork::is_finite() const {
  const Hyperparameters& h = trial_.hyperparameters;
  return all_finite(*layout_, vectors_.weights.data()) &&
         (!has_first_moment(h) || all_finite(*layout_, vectors_.first_moment.data())) &&
         (!has_second_moment(h.solver) || all_finite(*layout_, vectors_.second_moment.data()));
}

MetricSums CoreNetwork::measure(const Shared& shared, Minibatch& minibatch, RowSet set,
                                std::optional<Metric> only) const {
  const Loss loss = trial_.hyperparameters.loss;
  const Split& split = shared.dataset->splits.at(trial_.fold);
  const std::vector<std::uint32_t>& rows = set == RowSet::test ? shared.dataset->test : split.validation;
  MetricCollector collector(*shared.dataset, split, loss, only);
  const std::size_t n_rows = std::min(minibatch.block_rows(), rows.size());
  minibatch.shape(*layout_, n_rows, false);
  for (std::size_t first = 0; first < rows.size(); first += n_rows) {
    const auto block = std::span(rows).subspan(first, std::min(n_rows, rows.size() - first));
    minibatch.gather(split, loss, block, {});
    minibatch.evaluate(vectors_.weights.data(), trial_.hyperparameters);
    for (std::size_t r = 0; r < block.size(); ++r) collector.add(block[r], minibatch.row_loss(r), minibatch.outputs(r));
  }
  return collector.sums();
}

}  // namespace shoal::cpu
