// Trains the trials of trained_hash.hpp on every SIMD target of the machine, with 1, 2 and 7 threads and 1, 3 and 100
// epochs a call; with an argument only as often as each number has its turn, for builds that are slow. Exit code 1
// where a hash is not the one.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "kernels/cpu/core_per_network.hpp"
#include "tests/strictness/trained_hash.hpp"

namespace {

struct Run {
  std::uint32_t n_threads, step;
};
using Runs = std::vector<Run>;
const Runs kAll = {{1, 1}, {1, 3}, {1, 100}, {2, 1}, {2, 3}, {2, 100}, {7, 1}, {7, 3}, {7, 100}};
const Runs kFew = {{1, 3}, {2, 100}, {7, 1}};

}  // namespace

int main(int n_arguments, char**) {
  using namespace shoal;
  const std::vector<testing::HashedSweep> sweeps = testing::hashed_sweeps();
  if (const std::string absent = testing::missing_from(sweeps); !absent.empty()) {
    std::printf("no trial has%s\n", absent.c_str());
    return 1;
  }
  bool ok = true;
  for (const cpu::Kernels& kernels : cpu::all_kernels()) {
    for (const Run& run : n_arguments > 1 ? kFew : kAll) {
      const auto make = [&](const Dataset& data) {
        return make_cpu_engine(data, {.n_threads = run.n_threads}, kernels);
      };
      const std::uint64_t hash = testing::trained_hash(sweeps, make, run.step);
      ok = ok && hash == testing::kTrainedHash;
      std::printf("%016llx %-8.*s %u threads, %u epochs a call\n", static_cast<unsigned long long>(hash),
                  static_cast<int>(kernels.target.size()), kernels.target.data(), run.n_threads, run.step);
    }
  }
  return ok ? 0 : 1;
}
