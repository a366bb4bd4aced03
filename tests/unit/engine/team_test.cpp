#include "engine/cpu/team.hpp"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/team_choice.hpp"

namespace shoal::cpu {
namespace {

TEST(Team, CallsEachShareOnceAndWaitsForAll) {
  for (const std::size_t n_threads : {1U, 2U, 5U}) {
    Team team(n_threads);
    EXPECT_EQ(team.size(), n_threads);
    for (std::size_t n = 0; n < 200; ++n) {
      std::vector<int> calls(n);
      std::atomic<bool> known_threads = true;
      team.each(n, [&](std::size_t i, std::size_t thread) {
        ++calls[i];
        if (thread >= n_threads) known_threads = false;
      });
      EXPECT_EQ(calls, std::vector<int>(n, 1));
      EXPECT_TRUE(known_threads);
    }
  }
}

constexpr Share kLarge{8, true};
constexpr Share kSmall{1, false};

TEST(TeamChoice, OneLargeNetworkIsDividedAndEvenNumbersAreNot) {
  EXPECT_EQ(n_divided(std::array{kLarge}, 2), 1U);
  EXPECT_EQ(n_divided(std::array{kLarge, kLarge}, 2), 0U);
  EXPECT_EQ(n_divided(std::array{kLarge, kLarge, kLarge}, 2), 1U);
  EXPECT_EQ(n_divided(std::array{kLarge, kLarge, kLarge}, 1), 0U);
}

TEST(TeamChoice, ALargeNetworkThatSmallOnesFillUpIsLeftAlone) {
  EXPECT_EQ(n_divided(std::array{kLarge, kSmall, kSmall}, 2), 1U);
  std::vector<Share> shares(9, kSmall);
  shares.front() = kLarge;
  EXPECT_EQ(n_divided(shares, 2), 0U);
}

TEST(TeamChoice, NetworksOfTooLittleWorkAreNeverDivided) {
  EXPECT_EQ(n_divided(std::array{kSmall}, 2), 0U);
  EXPECT_FALSE(is_divisible(6938, 64)) << "16-64-64-26";
  EXPECT_TRUE(is_divisible(669706, 8192)) << "784-512-512-10";
}

}  // namespace
}  // namespace shoal::cpu
