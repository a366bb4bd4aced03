#include <algorithm>
#include <numeric>

#include "engine/cuda/cohort.hpp"

namespace shoal::cuda {

template <class T>
void Cohort<T>::select(Selection selection) {
  const bool all = selection == Selection::all;
  task_.n_networks = all ? static_cast<std::uint32_t>(networks_.size()) : n_running_;
  n_selected_buckets_ = 0;
  for (Bucket& bucket : buckets_) {
    bucket.n_selected = all ? bucket.n_networks : bucket.n_running;
    n_selected_buckets_ += bucket.n_selected > 0 ? 1 : 0;
  }
  largest_stride_ = largest_parameters_ = 0;
  for (std::uint32_t place = 0; place < task_.n_networks; ++place) {
    largest_stride_ = std::max(largest_stride_, networks_[place].shape->largest_stride);
    largest_parameters_ = std::max(largest_parameters_, networks_[place].shape->n_parameters);
  }
  if (!strict_) return;
  std::vector<const CohortShape*> shapes;
  for (std::uint32_t place = 0; place < task_.n_networks; ++place) shapes.push_back(networks_[place].shape);
  strict_->select(shapes);
}

template <class T>
void Cohort<T>::run_all() {
  n_running_ = static_cast<std::uint32_t>(networks_.size());
  for (Bucket& bucket : buckets_) bucket.n_running = bucket.n_networks;
  select(Selection::running);
}

/// Rooms are what products need one after another, places what kernels count: a network takes its room's offsets along
/// to its place, so that the places of those that run can be the first ones whatever their buckets.
template <class T>
std::vector<std::uint32_t> Cohort<T>::pack(Survivors& survivors, std::span<const NetworkState> states) {
  hand_to_device();
  std::vector<std::uint32_t> bucket_of;
  bucket_of.reserve(networks_.size());
  for (const Network& network : networks_) bucket_of.push_back(network.bucket);
  const std::span<const std::uint32_t> order = survivors.sort(task_.states, bucket_of);
  for (const Mirror& vector : vectors_) {
    if (vector.exists()) survivors.move(device_networks_.get(), vector.get(), gradient_.get());
  }
  for (std::size_t room = 0; room < rooms_.size(); ++room) {
    CohortNetwork& network = host_networks_[order[room]];
    network.parameters = rooms_[room].parameters;
    network.values = rooms_[room].values;
    network.z = rooms_[room].z;
    network.delta = rooms_[room].delta;
  }

  std::vector<std::uint32_t> before(networks_.size());
  std::iota(before.begin(), before.end(), 0U);
  const auto still_trains = [&](std::uint32_t place) { return states[place].verdict == math::EpochVerdict::go_on; };
  const auto first_ended = std::stable_partition(before.begin(), before.end(), still_trains);
  n_running_ = static_cast<std::uint32_t>(first_ended - before.begin());
  networks_ = by_new_places(networks_, before);
  host_networks_ = by_new_places(host_networks_, before);
  for (Bucket& bucket : buckets_) bucket.n_running = 0;
  for (std::uint32_t place = 0; place < before.size(); ++place) {
    place_[networks_[place].member] = place;
    if (place < n_running_) ++buckets_[networks_[place].bucket].n_running;
  }
  device_networks_.upload(host_networks_, *stream_);
  stream_->wait();
  write_what_products_leave();
  select(Selection::running);
  return before;
}

#define SHOAL_FOR_TYPE(T)                     \
  template void Cohort<T>::select(Selection); \
  template void Cohort<T>::run_all();         \
  template std::vector<std::uint32_t> Cohort<T>::pack(Survivors&, std::span<const NetworkState> states);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
