// Gradients of the reference engine against central differences of its loss, in double.
#include <array>
#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/reference/reference.hpp"
#include "tests/support/random_network.hpp"
#include "tests/support/tolerances.hpp"

namespace shoal {
namespace {

using reference::Example;

struct Case {
  Topology topology;
  Loss loss = Loss::squared_error;
  double alpha = 0;
  std::vector<Example> rows;
  std::vector<double> parameters;
};

/// What training minimises, written apart from the gradient: mean row loss and alpha / 2 |W|^2 / rows.
double objective(const Case& c, std::span<const double> parameters) {
  double loss = 0;
  double weight = 0;
  for (const Example& row : c.rows) {
    const reference::Trace trace = reference::forward(c.topology, parameters, row.inputs);
    loss += row.weight * reference::row_loss(c.loss, trace.z.back(), row.targets);
    weight += row.weight;
  }
  double squares = 0;
  std::size_t k = 0;
  for (std::size_t l = 0; l < c.topology.n_layers(); ++l) {
    for (std::int32_t o = 0; o < c.topology.fan_out(l); ++o) {
      for (std::int32_t i = 0; i < c.topology.fan_in(l); ++i, ++k) squares += parameters[k] * parameters[k];
      ++k;
    }
  }
  return (loss + c.alpha / 2 * squares) / weight;
}

/// Signs of every z of every row: equal at two points where no kink lies between them.
std::vector<bool> signs(const Case& c, std::span<const double> parameters) {
  std::vector<bool> all;
  for (const Example& row : c.rows) {
    for (const std::vector<double>& layer : reference::forward(c.topology, parameters, row.inputs).z) {
      for (const double z : layer) all.push_back(z > 0);
    }
  }
  return all;
}

/// d objective / d parameter k; nothing if a kink lies within the step.
std::optional<double> difference(const Case& c, std::size_t k) {
  const double h = test::kDifferenceStep;
  constexpr std::array<double, 4> kAt = {-2, -1, 1, 2};
  constexpr std::array<double, 4> kFactor = {1, -8, 8, -1};
  const std::vector<bool> here = signs(c, c.parameters);
  double sum = 0;
  for (std::size_t j = 0; j < kAt.size(); ++j) {
    std::vector<double> moved = c.parameters;
    moved[k] += kAt[j] * h;
    if (signs(c, moved) != here) return std::nullopt;
    sum += kFactor[j] * objective(c, moved);
  }
  return sum / (12 * h);
}

Case draw_case(test::Draw& draw, int index) {
  Case c;
  c.loss = static_cast<Loss>(index % 4);
  c.topology = test::random_topology(draw, index % 5, c.loss == Loss::cross_entropy ? 2 : 1);
  c.alpha = index / 20 % 2 == 0 ? 0.0 : draw.uniform(0.01, 1.0);
  c.rows = test::random_rows(draw, c.topology, c.loss, draw.integer(0, 2) == 0);
  c.parameters = test::random_values(draw, c.topology.n_parameters(), -1.2, 1.2);
  return c;
}

/// Differences for every parameter; nothing if the point lies near a kink.
std::optional<std::vector<double>> differences(const Case& c) {
  std::vector<double> all;
  for (std::size_t k = 0; k < c.parameters.size(); ++k) {
    const std::optional<double> d = difference(c, k);
    if (!d) return std::nullopt;
    all.push_back(*d);
  }
  return all;
}

TEST(ReferenceGradient, AgreesWithCentralDifferencesForEveryParameterOf400Networks) {
  constexpr int kCases = 400;
  test::Draw draw(20240601);
  std::set<std::array<int, 3>> seen;  // loss, depth, alpha on
  std::set<Activation> activations;
  int redrawn = 0;
  for (int index = 0; index < kCases; ++index) {
    Case c = draw_case(draw, index);
    std::optional<std::vector<double>> expected = differences(c);
    while (!expected) {
      ++redrawn;
      c = draw_case(draw, index);
      expected = differences(c);
    }
    const reference::Gradient g = reference::gradient(c.topology, c.loss, c.alpha, c.parameters, c.rows);
    const double loss = objective(c, c.parameters);
    for (std::size_t k = 0; k < c.parameters.size(); ++k) {
      ASSERT_TRUE(test::gradient_agrees(g.objective[k], (*expected)[k], loss))
          << "case " << index << ", parameter " << k << ": " << g.objective[k] << " against " << (*expected)[k];
    }
    seen.insert({index % 4, index % 5, c.alpha > 0 ? 1 : 0});
    activations.insert(c.topology.activations.begin(), c.topology.activations.end());
  }
  EXPECT_EQ(seen.size(), 4U * 5U * 2U);
  EXPECT_EQ(activations.size(), activation_names().size());
  EXPECT_LT(redrawn, 4 * kCases);
}

TEST(ReferenceGradient, ToleranceFindsPlantedErrors) {
  test::Draw draw(7);
  int found = 0;
  int planted = 0;
  for (int index = 0; index < 60; ++index) {
    const Case c = draw_case(draw, index);
    const std::optional<std::vector<double>> expected = differences(c);
    if (!expected) continue;
    const double loss = objective(c, c.parameters);
    for (const double d : *expected) {
      if (std::abs(d) < 0.01 * std::max(1.0, std::abs(loss))) continue;
      ++planted;
      found += test::gradient_agrees(d * (1 + 2e-6), d, loss) ? 0 : 1;
    }
  }
  EXPECT_GT(planted, 100);
  EXPECT_EQ(found, planted);
}

TEST(ReferenceGradient, IsZeroAtAndBelowTheKinkOfRelu) {
  EXPECT_EQ(reference::respond(Activation::relu, 0.0).slope, 0.0);
  EXPECT_EQ(reference::respond(Activation::relu, -1e-300).slope, 0.0);
  EXPECT_EQ(reference::respond(Activation::relu, 1e-300).slope, 1.0);
  EXPECT_EQ(reference::respond(Activation::leaky_relu, 0.0).slope, static_cast<double>(kLeakySlope));
}

}  // namespace
}  // namespace shoal
