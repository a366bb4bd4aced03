// Nanoseconds an index of an epoch's row order on one core, after checking that it is a permutation.
#include "kernels/math/permutation.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_an_index(std::uint32_t n, std::uint32_t epoch, std::vector<std::uint32_t>& order) {
  const auto start = Clock::now();
  const shoal::math::EpochPermutation permutation(n, 7, epoch);
  for (std::uint32_t i = 0; i < n; ++i) order[i] = permutation(i);
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / n;
}

}  // namespace

int main() {
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const std::uint32_t n : {257U, 5000U, 20000U, 1000003U}) {
    std::vector<std::uint32_t> order(n);
    std::vector<double> times;
    for (std::uint32_t run = 0; run < 9; ++run) times.push_back(nanoseconds_an_index(n, run, order));
    std::ranges::sort(order);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (order[i] == i) continue;
      std::fprintf(stderr, "not a permutation of %u rows\n", n);
      return 1;
    }
    std::ranges::sort(times);
    results.push_back({{"rows", n}, {"median_ns_per_index", times[times.size() / 2]}});
  }
  std::puts(nlohmann::ordered_json{{"permutation", results}}.dump(2).c_str());
  return 0;
}
