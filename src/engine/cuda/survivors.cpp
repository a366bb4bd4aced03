#include "engine/cuda/survivors.hpp"

#include <algorithm>

namespace shoal::cuda {

Survivors::Survivors(std::span<const CohortNetwork> rooms, const Stream& stream)
    : n_networks_(static_cast<std::uint32_t>(rooms.size())),
      largest_parameters_(std::ranges::max(rooms, {}, &CohortNetwork::n_parameters).n_parameters),
      stream_(&stream),
      rooms_(uploaded(rooms, stream)),
      buckets_(rooms.size()),
      keys_(rooms.size()),
      networks_(rooms.size()),
      sorted_keys_(rooms.size()),
      order_(rooms.size()),
      temporary_(survivor_order_bytes(n_networks_)),
      host_order_(rooms.size()) {
  stream.wait();
}

std::span<const std::uint32_t> Survivors::sort(const NetworkState* states, std::span<const std::uint32_t> buckets) {
  buckets_.upload(buckets, *stream_);
  launch_survivor_order(
      {states, buckets_.get(), n_networks_, keys_.get(), networks_.get(), sorted_keys_.get(), order_.get()},
      temporary_.get(), temporary_.size(), stream_->get());
  order_.download(host_order_, *stream_);
  stream_->wait();
  return host_order_;
}

void Survivors::move(const CohortNetwork* networks, float* vector, float* scratch) const {
  launch_move_vector({networks, rooms_.get(), order_.get(), n_networks_, largest_parameters_}, vector, scratch,
                     stream_->get());
}

}  // namespace shoal::cuda
