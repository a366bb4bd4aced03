#include "run/fit_costs.hpp"

#include <algorithm>
#include <iterator>

namespace shoal::run {
namespace {

/// Predictions are linear in costs but for the longer of two times, so that few rounds settle.
constexpr int kRounds = 4;
constexpr int kSweeps = 200;
constexpr double kStep = 0.01;
/// Of a cost that is changed by a whole: as a relative error of a tenth.
constexpr double kRidge = 0.01;
/// What a machine may differ from the shipped one.
constexpr double kMostTimes = 50;

/// Changes of costs that bring `errors` down: least squares with a ridge, one coordinate after another. slopes:
/// [costs][workloads].
std::vector<double> changes(const std::vector<std::vector<double>>& slopes, std::vector<double> errors) {
  std::vector<double> change(slopes.size());
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (std::size_t j = 0; j < slopes.size(); ++j) {
      double square = kRidge;
      double product = -kRidge * change[j];
      for (std::size_t i = 0; i < errors.size(); ++i) {
        square += slopes[j][i] * slopes[j][i];
        product += slopes[j][i] * errors[i];
      }
      const double by = std::max(product / square, -0.9 - change[j]);
      change[j] += by;
      for (std::size_t i = 0; i < errors.size(); ++i) errors[i] -= by * slopes[j][i];
    }
  }
  return change;
}

}  // namespace

Costs fitted(const Costs& shipped, std::string_view engine, std::span<const double> measured, const Predict& predict) {
  std::vector<NamedCost> own;
  std::ranges::copy_if(named_costs(), std::back_inserter(own), [&](const NamedCost& c) { return c.engine == engine; });
  Costs costs = shipped;
  Costs least = shipped;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<double> now = predict(costs);
    std::vector<double> errors;
    for (std::size_t i = 0; i < now.size(); ++i) errors.push_back((measured[i] - now[i]) / measured[i]);
    std::vector<std::vector<double>> slopes;
    for (const NamedCost& cost : own) {
      Costs more = costs;
      cost.of(more) *= 1 + kStep;
      std::vector<double>& slope = slopes.emplace_back(predict(more));
      for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = (slope[i] - now[i]) / kStep / measured[i];
    }
    const std::vector<double> change = changes(slopes, errors);
    for (std::size_t j = 0; j < own.size(); ++j) {
      const double reference = own[j].of(least);
      own[j].of(costs) = std::clamp(own[j].of(costs) * (1 + change[j]), reference / kMostTimes, reference * kMostTimes);
    }
  }
  return costs;
}

}  // namespace shoal::run
