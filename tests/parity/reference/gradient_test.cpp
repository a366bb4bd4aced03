// Gradients of the reference engine against central differences of its loss, in double.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "engine/reference/reference.hpp"
#include "verify/differences.hpp"

namespace shoal {
namespace {

TEST(ReferenceGradient, AgreesWithCentralDifferencesForEveryParameterOf500Networks) {
  std::set<std::array<int, 4>> seen;  // loss, depth, alpha on, l1 on
  std::set<Activation> activations;
  for (std::uint64_t index = 0; index < 500; ++index) {
    const verify::DifferenceCase c = verify::difference_case(20240601, index);
    const std::vector<double> expected = verify::differences(c).value();
    const reference::Gradient g = reference::gradient(c.topology, c.h, c.parameters, c.rows);
    const double loss = verify::objective(c, c.parameters);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      ASSERT_NEAR(g.objective[k], expected[k], verify::difference_bound(g.objective[k], loss))
          << "case " << index << ", parameter " << k;
    }
    seen.insert({static_cast<int>(c.h.loss), static_cast<int>(c.topology.hidden_layer_sizes.size()),
                 c.h.alpha > 0 ? 1 : 0, c.h.l1 > 0 ? 1 : 0});
    activations.insert(c.topology.activations.begin(), c.topology.activations.end());
  }
  EXPECT_EQ(seen.size(), 6U * 5U * 2U * 2U);
  EXPECT_EQ(activations.size(), activation_names().size());
}

TEST(ReferenceGradient, ToleranceFindsPlantedErrors) {
  int planted = 0;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const verify::DifferenceCase c = verify::difference_case(7, index);
    const double loss = verify::objective(c, c.parameters);
    const std::vector<double> expected = verify::differences(c).value();
    for (const double d : expected) {
      if (std::abs(d) < 0.01 * std::max(1.0, std::abs(loss))) continue;
      ++planted;
      const double wrong = d * (1 + 2e-6);
      EXPECT_GT(std::abs(wrong - d), verify::difference_bound(wrong, loss));
    }
  }
  EXPECT_GT(planted, 100);
}

TEST(ReferenceGradient, IsZeroAtAndBelowTheKinkOfRelu) {
  EXPECT_EQ(reference::respond(Activation::relu, 0.0).slope, 0.0);
  EXPECT_EQ(reference::respond(Activation::relu, -1e-300).slope, 0.0);
  EXPECT_EQ(reference::respond(Activation::relu, 1e-300).slope, 1.0);
  EXPECT_EQ(reference::respond(Activation::leaky_relu, 0.0).slope, static_cast<double>(kLeakySlope));
}

}  // namespace
}  // namespace shoal
