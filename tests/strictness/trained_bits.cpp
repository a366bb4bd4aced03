// Trains the trials of trained_hash.hpp on every SIMD target of the machine, with 1, 2 and 7 threads and 1, 3 and 100
// epochs a call, alone and in gangs with others; with an argument only as often as each number has its turn, for builds
// that are slow. Exit code 1 where a hash is not the one.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "kernels/cpu/core_per_network.hpp"
#include "tests/strictness/trained_hash.hpp"

namespace {

constexpr auto kAlone = shoal::testing::Company::none;
constexpr auto kInGangs = shoal::testing::Company::mixed;

struct Run {
  std::uint32_t n_threads, step;
  shoal::testing::Company company;
};
using Runs = std::vector<Run>;
const Runs kAll = {{1, 1, kAlone},   {1, 3, kAlone},     {1, 100, kAlone},  {2, 1, kAlone},   {2, 3, kAlone},
                   {2, 100, kAlone}, {7, 1, kAlone},     {7, 3, kAlone},    {7, 100, kAlone}, {1, 1, kInGangs},
                   {1, 3, kInGangs}, {1, 100, kInGangs}, {2, 1, kInGangs},  {2, 3, kInGangs}, {2, 100, kInGangs},
                   {7, 1, kInGangs}, {7, 3, kInGangs},   {7, 100, kInGangs}};
const Runs kFew = {{2, 3, kInGangs}};

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
      const std::uint64_t hash = testing::trained_hash(sweeps, make, run.step, run.company);
      ok = ok && hash == testing::kTrainedHash;
      std::printf("%016llx %-8.*s %u threads, %u epochs a call, %s\n", static_cast<unsigned long long>(hash),
                  static_cast<int>(kernels.target.size()), kernels.target.data(), run.n_threads, run.step,
                  run.company == kAlone ? "alone" : "in gangs");
    }
  }
  return ok ? 0 : 1;
}
