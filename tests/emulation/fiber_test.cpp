#include "fiber.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace shoal::emulation {
namespace {

TEST(Fiber, GoesOnWhereItSuspendedItself) {
  std::string seen;
  std::unique_ptr<Fiber> a;
  std::unique_ptr<Fiber> b;
  a = std::make_unique<Fiber>([&] {
    seen += "a1";
    a->suspend();
    seen += "a2";
  });
  b = std::make_unique<Fiber>([&] {
    seen += "b1";
    b->suspend();
    seen += "b2";
  });
  a->resume();
  b->resume();
  EXPECT_FALSE(a->ended());
  b->resume();
  a->resume();
  EXPECT_EQ(seen, "a1b1b2a2");
  EXPECT_TRUE(a->ended());
  EXPECT_TRUE(b->ended());
}

TEST(Fiber, MayBeDestroyedBeforeItsEnd) {
  bool went_on = false;
  {
    std::unique_ptr<Fiber> fiber;
    fiber = std::make_unique<Fiber>([&] {
      fiber->suspend();
      went_on = true;
    });
    fiber->resume();
  }
  EXPECT_FALSE(went_on);
}

TEST(Fiber, RunsItsOwnBodyOnTheStackOfAnotherThatEndedOrDidNot) {
  std::string seen;
  for (const bool ends : {true, true, false, true}) {
    std::unique_ptr<Fiber> fiber;
    fiber = std::make_unique<Fiber>([&] {
      seen += "a";
      fiber->suspend();
      seen += "b";
      fiber->suspend();
      seen += "c";
    });
    for (int i = 0; i < (ends ? 3 : 2); ++i) fiber->resume();
    EXPECT_EQ(fiber->ended(), ends);
  }
  EXPECT_EQ(seen, "abcabcababc");
}

}  // namespace
}  // namespace shoal::emulation
