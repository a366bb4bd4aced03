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
  Hyperparameters h;
  std::vector<Example> rows;
  std::vector<double> parameters;
};

/// What training minimises, written apart from the gradient: mean row loss and (alpha / 2 |W|^2 + l1 |W|_1) / rows.
double objective(const Case& c, std::span<const double> parameters) {
  double loss = 0;
  double weight = 0;
  for (const Example& row : c.rows) {
    const reference::Trace trace = reference::forward(c.topology, parameters, row);
    loss += row.weight * reference::row_loss(c.h, trace.z.back(), reference::training_targets(c.h, row.targets));
    weight += row.weight;
  }
  double penalty = 0;
  std::size_t k = 0;
  for (std::size_t l = 0; l < c.topology.n_layers(); ++l) {
    for (std::int32_t o = 0; o < c.topology.fan_out(l); ++o) {
      for (std::int32_t i = 0; i < c.topology.fan_in(l); ++i, ++k) {
        penalty += c.h.alpha / 2 * parameters[k] * parameters[k] + c.h.l1 * std::abs(parameters[k]);
      }
      ++k;
    }
  }
  return (loss + penalty) / weight;
}

/// On which side of every kink a point lies: signs of z, of the parameters under l1, of the residuals and of their
/// distance from huber's bend.
std::vector<bool> signs(const Case& c, std::span<const double> parameters) {
  std::vector<bool> all;
  for (const double w : parameters) all.push_back(c.h.l1 > 0 && w > 0);
  for (const Example& row : c.rows) {
    const reference::Trace trace = reference::forward(c.topology, parameters, row);
    for (const std::vector<double>& layer : trace.z) {
      for (const double z : layer) all.push_back(z > 0);
    }
    for (std::size_t o = 0; o < row.targets.size(); ++o) {
      const double residual = trace.z.back()[o] - row.targets[o];
      all.push_back(c.h.loss == Loss::absolute_error && residual > 0);
      all.push_back(c.h.loss == Loss::huber && residual > c.h.huber_delta);
      all.push_back(c.h.loss == Loss::huber && residual < -c.h.huber_delta);
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
  c.h.loss = static_cast<Loss>(index % 6);
  c.topology = test::random_topology(draw, index % 5, c.h.loss == Loss::cross_entropy ? 2 : 1);
  c.h.alpha = index / 30 % 2 == 0 ? 0.0 : draw.uniform(0.01, 1.0);
  c.h.l1 = index / 60 % 2 == 0 ? 0.0 : draw.uniform(0.01, 1.0);
  c.h.label_smoothing = draw.integer(0, 1) == 0 ? 0.0 : draw.uniform(0.01, 0.5);
  c.h.huber_delta = draw.uniform(0.25, 1.5);
  c.rows = test::random_rows(draw, c.topology, c.h.loss, draw.integer(0, 2) == 0);
  if (draw.integer(0, 3) == 0) test::drop_units(draw, c.topology, c.rows);
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

TEST(ReferenceGradient, AgreesWithCentralDifferencesForEveryParameterOf500Networks) {
  constexpr int kCases = 500;
  test::Draw draw(20240601);
  std::set<std::array<int, 4>> seen;  // loss, depth, alpha on, l1 on
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
    const reference::Gradient g = reference::gradient(c.topology, c.h, c.parameters, c.rows);
    const double loss = objective(c, c.parameters);
    for (std::size_t k = 0; k < c.parameters.size(); ++k) {
      ASSERT_TRUE(test::gradient_agrees(g.objective[k], (*expected)[k], loss))
          << "case " << index << ", parameter " << k << ": " << g.objective[k] << " against " << (*expected)[k];
    }
    seen.insert({index % 6, index % 5, c.h.alpha > 0 ? 1 : 0, c.h.l1 > 0 ? 1 : 0});
    activations.insert(c.topology.activations.begin(), c.topology.activations.end());
  }
  EXPECT_EQ(seen.size(), 6U * 5U * 2U * 2U);
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
