#include "kernels/math/philox.hpp"

#include <Random123/philox.h>
#undef philox4x32  // a macro of Random123's C interface
#include <array>
#include <cstdint>
#include <gtest/gtest.h>

namespace {

using shoal::math::philox4x32;
using shoal::math::Words4;

std::array<std::uint32_t, 4> words(const Words4& w) { return {w.word[0], w.word[1], w.word[2], w.word[3]}; }

// Known answers: Random123's kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(words(philox4x32({{0, 0, 0, 0}}, 0)),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(philox4x32({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, 0xffffffffffffffffU)),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822U)),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, AgreesWithRandom123OnManyCounters) {
  r123::Philox4x32 theirs;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    const std::uint32_t c = i * 2654435761U;
    const std::uint64_t key = (static_cast<std::uint64_t>(c ^ 0xabcdef01U) << 32) | (i * 97U);
    const auto want =
        theirs({{c, i, ~c, i << 7}}, {{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}});
    ASSERT_EQ(words(philox4x32({{c, i, ~c, i << 7}}, key)),
              (std::array<std::uint32_t, 4>{want[0], want[1], want[2], want[3]}));
  }
}

TEST(Philox, UnitNumbersNeverTouchTheEnds) {
  EXPECT_EQ(shoal::math::open_unit(0, 0), 0x1p-53);
  EXPECT_EQ(shoal::math::open_unit(0xffffffff, 0xffffffff), 1.0 - 0x1p-53);
}

}  // namespace
