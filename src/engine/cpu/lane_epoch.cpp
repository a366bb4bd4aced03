// An epoch of a gang, and what is measured after it.
#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "engine/cpu/epoch_end.hpp"
#include "engine/cpu/lane_gang.hpp"
#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cpu {
namespace {

/// Rows that are measured at a time.
constexpr std::size_t kMeasuredRows = 64;

/// math::combine_partials() of all lanes at once, [kPartials] x lanes: a double a lane at the beginning, the rest
/// overwritten.
std::span<const double> combine(std::span<double> partials, std::size_t n_lanes) {
  for (std::size_t half = math::kPartials / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half * n_lanes; ++i) partials[i] += partials[half * n_lanes + i];
  }
  return partials.first(n_lanes);
}

double weight_of(const Dataset& dataset, std::span<const std::uint32_t> rows) {
  if (dataset.weights.empty()) return static_cast<double>(rows.size());
  math::Sum32 weight;
  for (const std::uint32_t row : rows) weight.add(static_cast<double>(dataset.weights[row]));
  return weight.total();
}

}  // namespace

void LaneWorker::shape(const LaneLayout& layout, bool has_dropout) {
  const std::size_t needed = bytes(layout, kernels->n_lanes, has_dropout) / sizeof(float);
  if (memory_.size() < needed) memory_ = AlignedFloats(needed);
  float* memory = memory_.data();
  const auto next = [&](std::size_t n) { return std::exchange(memory, memory + padded(n)); };
  const std::size_t n_floats = layout.n_parameters() * kernels->n_lanes;
  weights = next(n_floats);
  first_moment = next(n_floats);
  second_moment = next(n_floats);
  outputs = next(kMeasuredRows * layout.n_outputs() * kernels->n_lanes);
  row_loss = next(kMeasuredRows * kernels->n_lanes);
  space = layout.workspace(memory, kernels->n_lanes, has_dropout);
}

std::uint64_t LaneWorker::bytes(const LaneLayout& layout, std::size_t n_lanes, bool has_dropout) {
  const std::size_t measured = padded(kMeasuredRows * layout.n_outputs() * n_lanes) + padded(kMeasuredRows * n_lanes);
  const std::size_t floats =
      3 * padded(layout.n_parameters() * n_lanes) + measured + layout.workspace_floats(n_lanes, has_dropout);
  return floats * sizeof(float);
}

bool LaneGang::train_epoch(Shared& shared, const LaneTables& tables, LaneSet lanes, LaneWorker& worker,
                           const std::stop_token& stop, std::vector<EpochRecord>& records) {
  const std::vector<std::uint32_t>& training = split(shared).training;
  const Trial& any = trials_[static_cast<std::size_t>(std::countr_zero(lanes))];
  const std::uint32_t epoch = members_[static_cast<std::size_t>(std::countr_zero(lanes))].state.epoch;
  const EpochOrders::Order order = shared.orders.get(any, training, epoch);
  LaneRows rows = tables.rows(*shared.dataset, key_);
  if (!class_weights_.empty()) rows.class_weights = class_weights_.data();
  load(shared, lanes, worker);
  if (!train_rows(rows, *order, worker, stop)) return false;

  const std::size_t first_record = records.size();
  const std::span<const double> loss = combine(worker.loss, n_lanes_);
  const std::span<const double> weight = rows.weighted() ? combine(worker.weight, n_lanes_) : std::span<const double>{};
  each_lane(lanes, [&](std::uint32_t lane) {
    EpochRecord record{.slot = slots_[lane], .epoch = epoch + 1};
    record.train_loss = loss[lane];
    record.train_weight = rows.weighted() ? weight[lane] : static_cast<double>(training.size());
    records.push_back(record);
  });
  std::size_t next = first_record;
  measure_lanes(shared, tables, lanes, worker.weights, worker, RowSet::validation, shared.options.metric,
                [&](const MetricSums& of_lane) {
                  add_validation(records[next++], of_lane, shared.options, shared.dataset->task());
                });
  take_over(lanes, worker);
  decide(lanes, std::span(records).subspan(first_record));
  return true;
}

void LaneGang::take_over(LaneSet lanes, const LaneWorker& worker) {
  const std::size_t n = layout_->n_parameters();
  kernels_->copy_lanes(lanes, worker.weights, vectors_.weights.data(), n);
  if (has_first_moment_ != 0) kernels_->copy_lanes(lanes, worker.first_moment, vectors_.first_moment.data(), n);
  if (vectors_.second_moment.size() > 0)
    kernels_->copy_lanes(lanes, worker.second_moment, vectors_.second_moment.data(), n);
  each_lane(lanes, [&](std::uint32_t lane) {
    TrialState& state = members_[lane].state;
    state.step = worker.rules.step[lane];
    state.beta_1_power = worker.rules.power_1[lane];
    state.beta_2_power = worker.rules.power_2[lane];
  });
}

void LaneGang::decide(LaneSet lanes, std::span<const EpochRecord> records) {
  const std::size_t n = layout_->n_parameters();
  LaneSet not_finite = kernels_->not_finite(vectors_.weights.data(), n);
  if (has_first_moment_ != 0) not_finite |= kernels_->not_finite(vectors_.first_moment.data(), n) & has_first_moment_;
  if (vectors_.second_moment.size() > 0) not_finite |= kernels_->not_finite(vectors_.second_moment.data(), n);
  LaneSet best = 0;
  LaneSet ended = 0;
  std::size_t next = 0;
  each_lane(lanes, [&](std::uint32_t lane) {
    Member& member = members_[lane];
    const bool finite = (not_finite & lane_bit(lane)) == 0;
    const math::EpochDecision decision = end_epoch(member.state, member.rules, records[next++], finite);
    if (decision.is_best) best |= lane_bit(lane);
    if (math::takes_best(decision, member.rules)) ended |= lane_bit(lane);
  });
  if (best != 0) kernels_->copy_lanes(best, vectors_.weights.data(), vectors_.best.data(), n);
  if (ended != 0) kernels_->copy_lanes(ended, vectors_.best.data(), vectors_.weights.data(), n);
}

std::vector<MetricSums> LaneGang::measure(const Shared& shared, const LaneTables& tables, std::span<const Slot> slots,
                                          LaneWorker& worker, RowSet rows) const {
  LaneSet lanes = 0;
  for (const Slot slot : slots) lanes |= lane_bit(lane_of(slot));
  worker.shape(*layout_, false);
  worker.rules = rules_;
  std::vector<MetricSums> sums;
  measure_lanes(shared, tables, lanes, vectors_.weights.data(), worker, rows, std::nullopt,
                [&](const MetricSums& of_lane) { sums.push_back(of_lane); });
  std::vector<MetricSums> of_slots;
  for (const Slot slot : slots) {
    const LaneSet before = lanes & (lane_bit(lane_of(slot)) - 1);
    of_slots.push_back(sums[static_cast<std::size_t>(std::popcount(before))]);
  }
  return of_slots;
}

template <class Visit>
void LaneGang::measure_lanes(const Shared& shared, const LaneTables& tables, LaneSet lanes, const float* weights,
                             LaneWorker& worker, RowSet set, std::optional<Metric> only, Visit visit) const {
  const std::vector<std::uint32_t>& rows = set == RowSet::test ? shared.dataset->test : split(shared).validation;
  // The loss is added up by the kernel; other metrics need the outputs.
  const bool collects = only != Metric::val_loss && only != Metric::train_loss;
  std::vector<MetricCollector> collectors;
  each_lane(collects ? lanes : 0,
            [&](std::uint32_t) { collectors.emplace_back(*shared.dataset, split(shared), key_.loss, only); });
  worker.loss.fill(0);
  const std::size_t n_out = layout_->n_outputs();
  std::vector<float> outputs(n_out);
  for (std::size_t first = 0; first < rows.size(); first += kMeasuredRows) {
    const auto block = std::span(rows).subspan(first, std::min(kMeasuredRows, rows.size() - first));
    kernels_->evaluate({.elementwise = worker.elementwise,
                        .shape = layout_->shape(),
                        .loss_kind = static_cast<LossKind>(key_.loss),
                        .rows = tables.rows(*shared.dataset, key_),
                        .rules = &worker.rules,
                        .weights = weights,
                        .workspace = worker.space,
                        .order = block.data(),
                        .n = block.size(),
                        .position = first,
                        .outputs = worker.outputs,
                        .row_loss = worker.row_loss,
                        .loss = worker.loss.data()});
    std::size_t next = 0;
    each_lane(collects ? lanes : 0, [&](std::uint32_t lane) {
      MetricCollector& collector = collectors[next++];
      for (std::size_t r = 0; r < block.size(); ++r) {
        for (std::size_t o = 0; o < n_out; ++o) outputs[o] = worker.outputs[(r * n_out + o) * n_lanes_ + lane];
        collector.add(block[r], worker.row_loss[r * n_lanes_ + lane], outputs);
      }
    });
  }
  if (collects) {
    for (MetricCollector& collector : collectors) visit(collector.sums());
    return;
  }
  const std::span<const double> loss = combine(worker.loss, n_lanes_);
  MetricSums of_lane;
  of_lane.weight = weight_of(*shared.dataset, rows);
  of_lane.n_rows = rows.size();
  each_lane(lanes, [&](std::uint32_t lane) {
    of_lane.loss = loss[lane];
    visit(of_lane);
  });
}

}  // namespace shoal::cpu
