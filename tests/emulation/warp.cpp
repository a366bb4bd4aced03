#include "warp.hpp"

#include <algorithm>
#include <bit>
#include <string>

namespace shoal::emulation {
namespace {

const char* name(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::barrier:
      return "__syncwarp";
    case WarpOperation::shuffle:
      return "a shuffle";
    case WarpOperation::ballot:
      return "a vote";
    case WarpOperation::collective:
      return "an operation of the whole warp";
  }
  return "";
}

bool has(std::uint32_t lanes, std::uint32_t lane) { return (lanes >> lane & 1) != 0; }

}  // namespace

Warp::Warp(std::uint32_t block, std::uint32_t first_thread, std::uint32_t n_lanes)
    : block_(block), first_thread_(first_thread), n_lanes_(n_lanes) {
  for (std::uint32_t lane = 0; lane < kWarpSize; ++lane) clocks_[lane][lane] = 1;
}

KernelFault Warp::fault(const std::string& what, std::uint32_t lane) const {
  return {what, block_, first_thread_ + lane};
}

std::uint32_t Warp::waiting_with(std::uint32_t lane) const {
  std::uint32_t lanes = 0;
  for (std::uint32_t other = 0; other < n_lanes_; ++other) {
    const Arrival& a = arrivals_[other];
    const Arrival& b = arrivals_[lane];
    const bool same = a.mask == b.mask && a.operation == b.operation && a.collective == b.collective;
    if (has(waiting_, other) && same) lanes |= 1U << other;
  }
  return lanes;
}

std::uint32_t Warp::arrive(std::uint32_t lane, const Arrival& arrival) {
  const auto operation = [&] { return name(arrival.operation) + (" at " + line_of(arrival.site)); };
  if (!has(arrival.mask, lane)) throw fault(operation() + " by a lane that its own mask does not name", lane);
  if (n_lanes_ < kWarpSize && arrival.mask >> n_lanes_ != 0) {
    throw fault("the mask of " + operation() + " names lanes that the block does not have", lane);
  }
  if (arrival.operation == WarpOperation::shuffle && !has(arrival.mask, arrival.source)) {
    throw fault(operation() + " reads lane " + std::to_string(arrival.source) + ", which does not take part", lane);
  }
  arrivals_[lane] = arrival;
  waiting_ |= 1U << lane;
  if ((arrival.mask & ~waiting_) != 0) return 0;
  const std::uint32_t here = waiting_with(lane);
  if (here != arrival.mask) return 0;
  complete(here, arrival.operation);
  return here;
}

void Warp::complete(std::uint32_t lanes, WarpOperation operation) {
  waiting_ &= ~lanes;
  if (operation == WarpOperation::barrier) join_clocks(lanes);
  if (operation == WarpOperation::collective) {
    std::array<void*, kWarpSize> brought{};
    std::ranges::transform(arrivals_, brought.begin(), &Arrival::brought);
    arrivals_[static_cast<std::size_t>(std::countr_zero(lanes))].collective(brought);
  }
  std::uint64_t ballot = 0;
  for (std::uint32_t lane = 0; lane < n_lanes_; ++lane) {
    if (has(lanes, lane) && arrivals_[lane].value != 0) ballot |= std::uint64_t{1} << lane;
  }
  for (std::uint32_t lane = 0; lane < n_lanes_; ++lane) {
    if (!has(lanes, lane)) continue;
    results_[lane] = operation == WarpOperation::shuffle ? arrivals_[arrivals_[lane].source].value : ballot;
  }
}

/// A shuffle or a vote does not order memory; only __syncwarp does.
void Warp::join_clocks(std::uint32_t lanes) {
  std::array<std::uint32_t, kWarpSize> joined{};
  for (std::uint32_t lane = 0; lane < n_lanes_; ++lane) {
    if (!has(lanes, lane)) continue;
    for (std::uint32_t other = 0; other < kWarpSize; ++other) {
      joined[other] = std::max(joined[other], clocks_[lane][other]);
    }
  }
  for (std::uint32_t lane = 0; lane < n_lanes_; ++lane) {
    if (!has(lanes, lane)) continue;
    clocks_[lane] = joined;
    ++clocks_[lane][lane];
  }
}

KernelFault Warp::absence(std::uint32_t lane) const {
  const Arrival& arrival = arrivals_[lane];
  const auto absent = static_cast<std::uint32_t>(std::countr_zero(arrival.mask & ~waiting_with(lane)));
  return fault("thread did not reach " + std::string(name(arrival.operation)) + " (" + line_of(arrival.site) +
                   ") in which thread " + std::to_string(first_thread_ + lane) + " waits for it",
               absent);
}

}  // namespace shoal::emulation
