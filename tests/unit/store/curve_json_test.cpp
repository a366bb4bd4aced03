#include "store/curve_json.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "spec/nan.hpp"

namespace shoal::store {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Whether both are NaN or have the same bits.
bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

void expect_back(const std::vector<CurvePoint>& curve) {
  const std::vector<CurvePoint> back = curve_from_json(curve_to_json(curve));
  ASSERT_EQ(back.size(), curve.size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    EXPECT_EQ(back[i].epoch, curve[i].epoch);
    EXPECT_TRUE(same(back[i].train_loss, curve[i].train_loss)) << curve[i].train_loss;
    EXPECT_TRUE(same(back[i].val_loss, curve[i].val_loss)) << curve[i].val_loss;
    EXPECT_TRUE(same(back[i].metric, curve[i].metric)) << curve[i].metric;
  }
}

TEST(CurveJson, LeavesOutAMetricThatIsTheValLoss) {
  EXPECT_EQ(curve_to_json(std::vector<CurvePoint>{}), "[]");
  EXPECT_EQ(curve_to_json(std::vector<CurvePoint>{{1, 0.5, 0.1 + 0.2, 0.1 + 0.2}, {3, 1e-7, 2, 0.75}}),
            "[[1,0.5,0.30000000000000004],[3,1e-07,2,0.75]]");
  EXPECT_EQ(curve_to_json(std::vector<CurvePoint>{{4294967295, kNaN, kNaN, kNaN}, {2, kInfinity, 0.0, -0.0}}),
            "[[4294967295,null,null],[2,9e999,0,-0]]");
}

TEST(CurveJson, ReadsBackToTheLastBit) {
  expect_back({});
  expect_back({{1, kNaN, kNaN, kNaN}, {2, -kInfinity, 1, kNaN}, {3, 1, kNaN, 0.5}, {4, -0.0, 0.0, -0.0}});
  expect_back({{7, std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min(), 1}});
  std::mt19937_64 random(1);
  std::vector<CurvePoint> curve;
  for (std::uint32_t epoch = 1; epoch <= 2000; ++epoch) {
    const auto any = [&] { return std::bit_cast<double>(random()); };
    const double val_loss = any();
    curve.push_back({epoch, any(), val_loss, epoch % 2 == 0 ? val_loss : any()});
  }
  expect_back(curve);
}

}  // namespace
}  // namespace shoal::store
