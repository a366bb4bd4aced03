#include "engine/cuda/cohort.hpp"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>

#include "engine/cuda/cohort_outputs.hpp"

namespace shoal::cuda {
namespace {

std::uint32_t n_row_blocks(const CohortPlan& plan) {
  const std::uint32_t in_block = output_blocks(largest_outputs(plan)).n_rows;
  return (plan.most_rows + in_block - 1) / in_block;
}

}  // namespace

std::uint32_t largest_outputs(const CohortPlan& plan) {
  std::uint32_t largest = 0;
  for (const GangKey& key : plan.members) {
    largest = std::max(largest, static_cast<std::uint32_t>(key.topology.n_outputs));
  }
  return largest;
}

CohortKey cohort_key(const GangKey& key) {
  return {key.topology.n_layers(), key.fold, key.batch_size, key.shuffle, key.shuffle_seed};
}

void CohortPlan::add(const Gang& gang) {
  members.insert(members.end(), gang.n_slots, gang.key);
  keeps_best = keeps_best || gang.keeps_best;
  has_dropout = has_dropout || gang.has_dropout;
  has_second_moment = has_second_moment || shoal::has_second_moment(gang.key.solver);
  clips = clips || !gang.key.plain;
}

template <class T>
std::uint64_t network_bytes(const CohortShape& shape, const CohortPlan& plan) {
  const std::uint64_t of_parameter =
      (plan.n_vectors() + 1) * sizeof(float) + (std::is_same_v<T, float> ? 0 : sizeof(T));
  return shape.n_parameters * of_parameter + shape.n_values * sizeof(T) + shape.n_z * sizeof(float) +
         shape.n_delta * (sizeof(T) + sizeof(float)) + shape.layers.size() * sizeof(CohortLayer) +
         sizeof(CohortNetwork) + sizeof(NetworkRules) + sizeof(NetworkState) + sizeof(float) + sizeof(std::uint32_t) +
         sizeof(CohortDecision) + Survivors::network_bytes() +
         (plan.is_strict ? StrictPasses::bytes(plan.most_rows) : 0);
}

template <class T>
std::uint64_t shared_bytes(const CohortPlan& plan, std::uint32_t n_inputs, std::uint64_t n_training) {
  const std::uint64_t of_network =
      n_row_blocks(plan) * sizeof(CohortSums) + plan.most_epochs * (sizeof(float) + sizeof(NetworkRecord));
  return plan.members.size() * of_network + CohortOutputs<T>::bytes(plan) +
         std::uint64_t{plan.most_rows} * (padded(n_inputs + 1) * sizeof(T) + sizeof(std::uint32_t)) +
         plan.most_epochs * n_training * sizeof(std::uint32_t) + sizeof(Cursor) +
         Survivors::shared_bytes(static_cast<std::uint32_t>(plan.members.size()));
}

template <class T>
Cohort<T>::Cohort(CohortPlan plan, DeviceTable& table, const Blas* blas, const Stream& stream)
    : plan_(std::move(plan)), table_(&table), blas_(blas), stream_(&stream) {
  arrange();
  allocate();
}

/// Orders the networks by extents and gives each its offsets.
template <class T>
void Cohort<T>::arrange() {
  const auto n = static_cast<std::uint32_t>(plan_.members.size());
  std::vector<CohortShape::Extents> extents;
  for (std::uint32_t member = 0; member < n; ++member) {
    const Topology& topology = plan_.members[member].topology;
    networks_.push_back({member, &shapes_.try_emplace(topology, topology, plan_.most_rows).first->second});
    extents.push_back(networks_.back().shape->extents());
  }
  std::ranges::stable_sort(networks_, {}, [&](const Network& network) { return extents[network.member]; });
  place_.resize(n);
  CohortNetwork next;
  for (std::uint32_t i = 0; i < n; ++i) {
    const CohortShape& shape = *networks_[i].shape;
    const GangKey& key = plan_.members[networks_[i].member];
    place_[networks_[i].member] = i;
    if (i == 0 || extents[networks_[i - 1].member] != extents[networks_[i].member]) buckets_.push_back({next, &shape});
    ++buckets_.back().n_networks;
    networks_[i].bucket = static_cast<std::uint32_t>(buckets_.size() - 1);
    next.n_parameters = shape.n_parameters;
    next.loss = static_cast<LossKind>(key.loss);
    next.solver = static_cast<SolverKind>(key.solver);
    host_networks_.push_back(next);
    next.parameters += shape.n_parameters;
    next.values += shape.n_values;
    next.z += shape.n_z;
    next.delta += shape.n_delta;
  }
  rooms_ = host_networks_;
  const std::size_t n_vector = next.parameters;
  input_columns_ = networks_.front().shape->layers.front().columns;
  parameters_ = DeviceBuffer<float>(n_vector * plan_.n_vectors());
  gradient_ = DeviceBuffer<float>(n_vector);
  if constexpr (!std::is_same_v<T, float>) operands_ = DeviceBuffer<T>(n_vector);
  values_ = DeviceBuffer<T>(next.values);
  z_ = DeviceBuffer<float>(next.z);
  delta_ = DeviceBuffer<T>(next.delta);
  back_ = DeviceBuffer<float>(next.delta);
  std::size_t first = 0;
  const auto take = [&](Vector vector) {
    mirror(vector) = Mirror(std::span(parameters_.get() + first, n_vector));
    first += n_vector;
  };
  take(Vector::weights);
  take(Vector::first_moment);
  if (plan_.has_second_moment) take(Vector::second_moment);
  if (plan_.keeps_best) take(Vector::best);
}

template <class T>
void Cohort<T>::allocate() {
  std::vector<CohortLayer> layers;
  std::map<const CohortShape*, std::size_t> first_layer;
  for (const auto& [topology, shape] : shapes_) {
    first_layer[&shape] = layers.size();
    layers.insert(layers.end(), shape.layers.begin(), shape.layers.end());
  }
  layers_ = uploaded(std::span<const CohortLayer>(layers), *stream_);
  for (std::size_t i = 0; i < host_networks_.size(); ++i) {
    host_networks_[i].layers = layers_.get() + first_layer.at(networks_[i].shape);
  }
  device_networks_ = uploaded(std::span<const CohortNetwork>(host_networks_), *stream_);
  const std::size_t n = host_networks_.size();
  const std::uint32_t n_blocks = n_row_blocks(plan_);
  shortened_ = DeviceBuffer<float>(n);
  input_ = DeviceBuffer<T>(std::size_t{plan_.most_rows} * input_columns_);
  row_ = DeviceBuffer<std::uint32_t>(plan_.most_rows);
  sums_ = DeviceBuffer<CohortSums>(n * n_blocks);
  sums_.clear(*stream_);
  broken_ = DeviceBuffer<std::uint32_t>(n);
  broken_.clear(*stream_);
  decisions_ = DeviceBuffer<CohortDecision>(n);

  table_->reserve(plan_.most_rows);
  task_.rows = table_->rows(plan_.key.fold);
  task_.networks = device_networks_.get();
  run_all();
  task_.n_layers = static_cast<std::uint32_t>(plan_.key.n_layers);
  task_.blocks = output_blocks(largest_outputs(plan_));
  task_.n_row_blocks = n_blocks;
  task_.metric = plan_.metric;
  task_.validation_weight = table_->fold(plan_.key.fold).validation_weight;
  task_.n_validation = static_cast<std::uint32_t>(table_->split(plan_.key.fold).validation.size());
  task_.n_training = table_->n_training(plan_.key.fold);
  task_.sums = sums_.get();
  task_.shortened = shortened_.get();
  task_.broken = broken_.get();
  task_.decisions = decisions_.get();
  task_.row = row_.get();
  task_.input = input_.get();
  task_.values = values_.get();
  task_.z = z_.get();
  task_.delta = delta_.get();
  task_.back = back_.get();
  task_.most_rows = plan_.most_rows;
  task_.weights = mirror(Vector::weights).get();
  if constexpr (std::is_same_v<T, float>) {
    task_.operands = task_.weights;
  } else {
    task_.operands = operands_.get();
  }
  task_.gradient = gradient_.get();
  task_.first_moment = mirror(Vector::first_moment).get();
  task_.second_moment = mirror(Vector::second_moment).get();
  task_.best = mirror(Vector::best).get();
  const CohortShape& first = *networks_.front().shape;
  if (plan_.fuses_relu && ReluLayers<T>::apply_to(first)) relu_.emplace(first, task_, *blas_);
  if constexpr (std::is_same_v<T, float>) {
    if (plan_.is_strict) {
      z_.clear(*stream_);
      delta_.clear(*stream_);
      back_.clear(*stream_);
      strict_.emplace(plan_.members.size(), plan_.most_rows, *stream_);
      write_what_products_leave();
      select(Selection::running);
    }
  }
  stream_->wait();
}

/// Products in strict order know no padding: the columns of ones, and zeros where a gradient has padding, are there
/// before, for each network in its room.
template <class T>
void Cohort<T>::write_what_products_leave() {
  if (!plan_.is_strict) return;
  gradient_.clear(*stream_);
  select(Selection::all);
  for (std::uint32_t l = 0; l + 1 < task_.n_layers; ++l) launch_ones(task_, l, largest_stride_, stream_->get());
}

template <class T>
void Cohort<T>::set_training(const TrainingArrays& arrays) {
  task_.rules = arrays.rules;
  task_.states = arrays.states;
  task_.cursor = arrays.cursor;
  task_.order = arrays.order;
  task_.rates = arrays.rates;
  task_.records = arrays.records;
}

template <class T>
void Cohort<T>::write(Vector vector, std::uint32_t member, std::span<const float> values) {
  const std::span<float> host = mirror(vector).changed_host(*stream_);
  shape(member).pack(values, host.subspan(network(member).parameters, network(member).n_parameters));
}

template <class T>
std::vector<float> Cohort<T>::read(Vector vector, std::uint32_t member) {
  const std::span<const float> host = mirror(vector).host(*stream_);
  return shape(member).unpack(host.subspan(network(member).parameters, network(member).n_parameters));
}

template <class T>
void Cohort<T>::hand_to_device() {
  for (Mirror& vector : vectors_) {
    if (vector.exists()) vector.hand_to_device(*stream_);
  }
  if constexpr (!std::is_same_v<T, float>) launch_store_operands(task_, operands_.size(), stream_->get());
}

template <class T>
Matrices<const T> Cohort<T>::weights(const Bucket& bucket, std::size_t l) const {
  const CohortLayer& layer = bucket.shape->layers[l];
  return {task_.operands + bucket.first.parameters + layer.first_parameter, layer.columns, bucket.shape->n_parameters};
}

template <class T>
Matrices<const T> Cohort<T>::inputs(const Bucket& bucket, std::size_t l) const {
  const CohortLayer& layer = bucket.shape->layers[l];
  if (l == 0) return {task_.input, layer.columns, 0};
  return {task_.values + bucket.first.values + layer.values, layer.columns, bucket.shape->n_values};
}

template <class T>
Matrices<float> Cohort<T>::z(const Bucket& bucket, std::size_t l) const {
  const CohortLayer& layer = bucket.shape->layers[l];
  return {task_.z + bucket.first.z + layer.z, layer.stride, bucket.shape->n_z};
}

template <class T>
void Cohort<T>::gather(RowSource from, std::uint32_t n_rows) const {
  launch_gather(task_, from, n_rows, input_columns_, stream_->get());
  table_->was_gathered();
}

/// z = [W | b] [a; 1], a = f(z), layer by layer: rows of a minibatch are rows of memory, so Z = [A 1] [W | b]^T.
template <class T>
void Cohort<T>::forward(std::uint32_t n_rows, bool drops) const {
  if constexpr (std::is_same_v<T, float>) {
    if (strict_) return strict_->forward(task_, n_rows, drops);
  }
  for (std::uint32_t l = 0; l < task_.n_layers; ++l) {
    if (relu_ && relu_->forward(l, n_rows)) continue;
    blas_->fork(n_selected_buckets_);
    for (const Bucket& bucket : buckets_) {
      if (bucket.n_selected == 0) continue;
      const CohortLayer& layer = bucket.shape->layers[l];
      blas_->multiply_transposed(inputs(bucket, l), weights(bucket, l), z(bucket, l), n_rows, layer.rows, layer.columns,
                                 bucket.n_selected);
    }
    blas_->join();
    if (l + 1 < task_.n_layers) launch_activation(task_, l, n_rows, largest_stride_, drops, stream_->get());
  }
}

/// [dW | db] = delta^T [A 1]: the column of ones sums delta into the bias's gradient. dA = delta [W | b] brings delta
/// to the layer below, where it takes that one's f'.
template <class T>
void Cohort<T>::backward(std::uint32_t n_rows, bool drops) const {
  if constexpr (std::is_same_v<T, float>) {
    if (strict_) return strict_->backward(task_, n_rows, drops);
  }
  for (std::uint32_t l = task_.n_layers; l-- > 0;) {
    const bool is_narrow = l > 0 && l + 1 == task_.n_layers && largest_outputs(plan_) <= kNarrowOutputs;
    const bool brings_back = l > 0 && !is_narrow;
    blas_->fork(brings_back ? 2 * n_selected_buckets_ : n_selected_buckets_);
    for (const Bucket& bucket : buckets_) {
      if (bucket.n_selected == 0) continue;
      const CohortLayer& layer = bucket.shape->layers[l];
      const CohortNetwork& first = bucket.first;
      const Matrices<const T> deltas{task_.delta + first.delta + layer.delta, layer.stride, bucket.shape->n_delta};
      const Matrices<float> gradient{task_.gradient + first.parameters + layer.first_parameter, layer.columns,
                                     bucket.shape->n_parameters};
      blas_->transposed_multiply(deltas, inputs(bucket, l), gradient, layer.rows, layer.columns, n_rows,
                                 bucket.n_selected);
      if (!brings_back) continue;
      const Matrices<float> back{task_.back + first.delta, layer.columns, bucket.shape->n_delta};
      blas_->multiply(deltas, weights(bucket, l), back, n_rows, padded(layer.n_in), layer.rows, bucket.n_selected);
    }
    blas_->join();
    if (is_narrow) launch_narrow_derivative(task_, n_rows, largest_stride_, drops, stream_->get());
    if (brings_back) launch_derivative(task_, l - 1, n_rows, largest_stride_, drops, stream_->get());
  }
}

template <class T>
void Cohort<T>::train_minibatch(std::uint32_t n_rows) const {
  forward(n_rows, plan_.has_dropout);
  output(n_rows, true);
  backward(n_rows, plan_.has_dropout);
  if (plan_.clips) norm(n_rows);
  launch_update(task_, n_rows, largest_parameters_, stream_->get());
}

template <class T>
void Cohort<T>::norm(std::uint32_t n_rows) const {
  if constexpr (std::is_same_v<T, float>) {
    if (strict_) return strict_->norm(task_, n_rows);
  }
  launch_norm(task_, n_rows, largest_parameters_, stream_->get());
}

template <class T>
void Cohort<T>::output(std::uint32_t n_rows, bool training, float* row_loss) const {
  CohortTask<T> task = task_;
  task.row_loss = row_loss;
  if constexpr (std::is_same_v<T, float>) {
    if (strict_) return strict_->output(task, n_rows, training);
  }
  launch_output(task, n_rows, training, stream_->get());
}

template <class T>
void Cohort<T>::validate() const {
  const auto [rows, list] = table_->evaluated(RowSet::validation, plan_.key.fold);
  for (std::uint32_t first = 0; first < task_.n_validation; first += plan_.most_rows) {
    const std::uint32_t n_rows = std::min(plan_.most_rows, task_.n_validation - first);
    gather(table_->source(list + first, rows.subspan(first, n_rows)), n_rows);
    forward(n_rows, false);
    output(n_rows, false);
  }
}

template <class T>
void Cohort<T>::finish_epoch() const {
  if constexpr (std::is_same_v<T, float>) {
    if (strict_) strict_->finish_sums(task_);
  }
  launch_finish_epoch(task_, largest_parameters_, stream_->get());
}

template <class T>
void Cohort<T>::clear_sums() {
  sums_.clear(*stream_);
  if (strict_) strict_->clear_sums();
}

template class Cohort<float>;
template class Cohort<math::Bfloat16>;
template std::uint64_t network_bytes<float>(const CohortShape&, const CohortPlan&);
template std::uint64_t network_bytes<math::Bfloat16>(const CohortShape&, const CohortPlan&);
template std::uint64_t shared_bytes<float>(const CohortPlan&, std::uint32_t, std::uint64_t);
template std::uint64_t shared_bytes<math::Bfloat16>(const CohortPlan&, std::uint32_t, std::uint64_t);

}  // namespace shoal::cuda
