#include <bit>
#include <gtest/gtest.h>

#include "engine/cpu/cpu_engine.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

std::vector<std::uint32_t> bits(const std::vector<float>& floats) {
  std::vector<std::uint32_t> out;
  for (const float x : floats) out.push_back(x != x ? 0x7FC00000U : std::bit_cast<std::uint32_t>(x));
  return out;
}

TEST(SimdTargets, TrainToTheSameBits) {
  testing::Random random(31);
  for (int i = 0; i < 120; ++i) {
    const Dataset data = testing::random_dataset(random, static_cast<Task>(i % 3), 60, 5, 3, i % 5 == 0);
    const Trial trial = testing::random_trial(random, data);
    const Gang gang{gang_key(trial), 0, 1, true};
    const TrainTarget target{0, 4};
    std::vector<TrialState> states;
    for (const cpu::Kernels& kernels : cpu::all_kernels()) {
      const auto engine = make_cpu_engine(data, {.n_threads = 1}, kernels);
      engine->prepare(std::span(&gang, 1));
      engine->place(0, trial, initial_state(trial));
      std::vector<EpochRecord> records;
      std::vector<Slot> lost;
      engine->train(std::span(&target, 1), {}, records, lost);
      states.push_back(engine->take(0));
    }
    for (const TrialState& state : states) {
      EXPECT_EQ(bits(state.parameters), bits(states.front().parameters));
      EXPECT_EQ(bits(state.first_moment), bits(states.front().first_moment));
      EXPECT_EQ(bits(state.second_moment), bits(states.front().second_moment));
      EXPECT_EQ(state.status, states.front().status);
    }
  }
}

}  // namespace
}  // namespace shoal
