// Networks that still train come to the front of their buckets; over the emulated device, or on a GPU.
#include "engine/cuda/survivors.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using cuda::CohortNetwork;
using cuda::DeviceBuffer;
using cuda::NetworkState;
using Words = std::vector<std::uint32_t>;

/// Parameters of a network of each bucket: less than a block takes, as much, and more.
constexpr std::uint32_t kParameters[] = {64, 2048, 4160};

struct Case {
  std::string name;
  Words buckets;                                    ///< of each network
  std::function<bool(std::uint32_t)> still_trains;  ///< network
};

Words many_buckets(std::uint32_t n_networks) {
  Words buckets;
  for (std::uint32_t i = 0; i < n_networks; ++i) buckets.push_back(i % 3);
  return buckets;
}

std::vector<Case> cases() {
  return {{"none of a bucket", Words(5, 0), [](std::uint32_t) { return false; }},
          {"all of a bucket", Words(5, 0), [](std::uint32_t) { return true; }},
          {"the last of a bucket", Words(5, 1), [](std::uint32_t i) { return i == 4; }},
          {"one network", Words(1, 0), [](std::uint32_t) { return true; }},
          {"every second", Words(9, 2), [](std::uint32_t i) { return i % 2 == 1; }},
          {"buckets one after another", {0, 0, 0, 1, 1, 2, 2, 2}, [](std::uint32_t i) { return i % 3 == 1; }},
          {"buckets in turns", many_buckets(31), [](std::uint32_t i) { return i % 5 < 2; }},
          {"a bucket of which none trains", {2, 0, 1, 0, 2, 1}, [](std::uint32_t i) { return i % 3 != 1; }}};
}

/// What stands in parameter i of a network.
float parameter(std::uint32_t network, std::uint32_t i) { return static_cast<float>(network * 8192 + i); }

/// Networks on the device, each bucket's rooms filled in the order of the networks.
struct Networks {
  explicit Networks(const Case& of) {
    std::size_t offset = 0;
    networks.resize(of.buckets.size());
    for (std::uint32_t bucket = 0; bucket < std::size(kParameters); ++bucket) {
      for (std::uint32_t i = 0; i < of.buckets.size(); ++i) {
        if (of.buckets[i] != bucket) continue;
        networks[i].n_parameters = kParameters[bucket];
        networks[i].parameters = offset;
        rooms.push_back(networks[i]);
        offset += kParameters[bucket];
        for (std::uint32_t p = 0; p < kParameters[bucket]; ++p) vector.push_back(parameter(i, p));
      }
    }
    for (std::uint32_t i = 0; i < of.buckets.size(); ++i) {
      NetworkState state;
      if (of.still_trains(i)) state.verdict = math::EpochVerdict::go_on;
      states.push_back(state);
    }
  }

  std::vector<CohortNetwork> networks, rooms;
  std::vector<NetworkState> states;
  std::vector<float> vector;
};

struct Packed {
  Words order;
  std::vector<float> vector;
};

Packed pack(const Case& of, const Networks& networks) {
  const cuda::Stream stream;
  cuda::Survivors survivors(networks.rooms, stream);
  const auto device_networks = uploaded(std::span(networks.networks), stream);
  const auto states = uploaded(std::span(networks.states), stream);
  const auto vector = uploaded(std::span(networks.vector), stream);
  const DeviceBuffer<float> scratch(vector.size());
  Packed packed;
  const auto order = survivors.sort(states.get(), of.buckets);
  packed.order.assign(order.begin(), order.end());
  survivors.move(device_networks.get(), vector.get(), scratch.get());
  packed.vector.resize(vector.size());
  vector.download(packed.vector, stream);
  stream.wait();
  return packed;
}

Packed expected(const Case& of) {
  Packed packed;
  for (std::uint32_t bucket = 0; bucket < std::size(kParameters); ++bucket) {
    for (const bool trains : {true, false}) {
      for (std::uint32_t i = 0; i < of.buckets.size(); ++i) {
        if (of.buckets[i] != bucket || of.still_trains(i) != trains) continue;
        packed.order.push_back(i);
        for (std::uint32_t p = 0; p < kParameters[bucket]; ++p) packed.vector.push_back(parameter(i, p));
      }
    }
  }
  return packed;
}

TEST(SHOAL_CUDA_SUITE, SurvivorsComeToTheFrontOfTheirBucketsInTheirOrder) {
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    for (const Case& of : cases()) {
      const Packed packed = pack(of, Networks(of));
      EXPECT_EQ(packed.order, expected(of).order) << of.name << ", schedule " << schedule;
      EXPECT_EQ(packed.vector, expected(of).vector) << of.name << ", schedule " << schedule;
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
}

/// More than CUB sorts in one block, and keys of more bits than one of its passes takes.
TEST(SHOAL_CUDA_SUITE, ThousandsOfBucketsAreSorted) {
  constexpr std::uint32_t kSorted = 20'000;
  const cuda::Stream stream;
  cuda::Survivors survivors(std::vector<CohortNetwork>(kSorted), stream);
  Words buckets, expected;
  std::vector<NetworkState> states(kSorted);
  for (std::uint32_t i = 0; i < kSorted; ++i) {
    buckets.push_back((kSorted - 1 - i) / 2);
    if (i % 2 == 1) states[i].verdict = math::EpochVerdict::go_on;
  }
  for (std::uint32_t i = kSorted; i > 0; i -= 2) {
    expected.push_back(i - 1);
    expected.push_back(i - 2);
  }
  const auto device_states = uploaded(std::span<const NetworkState>(states), stream);
  const auto order = survivors.sort(device_states.get(), buckets);
  EXPECT_EQ(Words(order.begin(), order.end()), expected);
}

}  // namespace
}  // namespace shoal
