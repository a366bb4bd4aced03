#include "verify/differences.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "verify/random_network.hpp"

namespace shoal::verify {
namespace {

/// A central difference with four points at h = 1e-3, of a function f computed with relative error c 2^-53:
///   truncation  |f^(5)| h^4 / 30           = 3.3e-14 |f^(5)|
///   rounding    1.5 c 2^-53 max(1, |f|) / h = 1.7e-13 c max(1, |f|)
/// Both stay below 1e-9 while |f^(5)| < 1e4 and c < 1e3: true of the small networks that are drawn, weights below 1.2.
constexpr double kStep = 1e-3;

/// On which side of every kink a point lies: signs of z, of the parameters under l1, of the residuals and of their
/// distance from huber's bend.
std::vector<bool> signs(const DifferenceCase& c, std::span<const double> parameters) {
  std::vector<bool> all;
  for (const double w : parameters) all.push_back(c.h.l1 > 0 && w > 0);
  for (const reference::Example& row : c.rows) {
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
std::optional<double> difference(const DifferenceCase& c, std::size_t k) {
  const double h = kStep;
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

DifferenceCase draw_case(Draw& draw, std::uint64_t index) {
  DifferenceCase c;
  c.h.loss = static_cast<Loss>(index % 6);
  c.topology = random_topology(draw, static_cast<std::int32_t>(index % 5), c.h.loss == Loss::cross_entropy ? 2 : 1);
  c.h.alpha = index / 30 % 2 == 0 ? 0.0 : draw.uniform(0.01, 1.0);
  c.h.l1 = index / 60 % 2 == 0 ? 0.0 : draw.uniform(0.01, 1.0);
  c.h.label_smoothing = draw.integer(0, 1) == 0 ? 0.0 : draw.uniform(0.01, 0.5);
  c.h.huber_delta = draw.uniform(0.25, 1.5);
  c.rows = random_rows(draw, c.topology, c.h.loss, draw.integer(0, 2) == 0);
  if (draw.integer(0, 3) == 0) drop_units(draw, c.topology, c.rows);
  c.parameters = random_values(draw, c.topology.n_parameters(), -1.2, 1.2);
  return c;
}

}  // namespace

double objective(const DifferenceCase& c, std::span<const double> parameters) {
  double loss = 0;
  double weight = 0;
  for (const reference::Example& row : c.rows) {
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

std::optional<std::vector<double>> differences(const DifferenceCase& c) {
  std::vector<double> all;
  for (std::size_t k = 0; k < c.parameters.size(); ++k) {
    const std::optional<double> d = difference(c, k);
    if (!d) return std::nullopt;
    all.push_back(*d);
  }
  return all;
}

double difference_bound(double gradient, double loss) {
  return 1e-6 * std::abs(gradient) + 1e-9 * std::max(1.0, std::abs(loss));
}

DifferenceCase difference_case(std::uint64_t seed, std::uint64_t index) {
  Draw draw(seed * 0x9E3779B97F4A7C15U + index);
  DifferenceCase of = draw_case(draw, index);
  while (!differences(of)) of = draw_case(draw, index);
  return of;
}

}  // namespace shoal::verify
