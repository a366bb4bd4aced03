#include "report/curve_bands.hpp"

#include <algorithm>
#include <cmath>

#include "report/sampling.hpp"
#include "spec/nan.hpp"

namespace shoal::report {
namespace {

constexpr std::size_t kMostEpochs = 100;
constexpr std::size_t kMostTrials = 2000;
constexpr std::size_t kMostCurves = 40;
constexpr std::size_t kBestCurves = 10;

double value_of(const CurvePoint& point, std::size_t which) {
  switch (static_cast<CurveValue>(which)) {
    case CurveValue::metric:
      return point.metric;
    case CurveValue::val_loss:
      return point.val_loss;
    case CurveValue::train_loss:
      return point.train_loss;
  }
  return kNaN;
}

/// The points of a curve at some epochs.
std::array<CurveBands::Series, kCurveValues> at_epochs(const std::vector<CurvePoint>& curve,
                                                       const std::vector<std::uint32_t>& epochs) {
  std::array<CurveBands::Series, kCurveValues> values;
  for (CurveBands::Series& series : values) series.assign(epochs.size(), kNaN);
  auto point = curve.begin();
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    while (point != curve.end() && point->epoch < epochs[e]) ++point;
    if (point == curve.end() || point->epoch != epochs[e]) continue;
    for (std::size_t which = 0; which < kCurveValues; ++which) {
      const double value = value_of(*point, which);
      if (std::isfinite(value)) values[which][e] = value;
    }
  }
  return values;
}

std::vector<std::uint32_t> epochs_of(const TrialTable& table) {
  const std::uint32_t last = table.epochs.empty() ? 0 : *std::ranges::max_element(table.epochs);
  std::vector<std::uint32_t> epochs;
  for (const std::size_t place : thinned(last, kMostEpochs, 1)) {
    epochs.push_back(static_cast<std::uint32_t>(place + 1));
  }
  return epochs;
}

}  // namespace

CurveBands curve_bands(const store::RunDirectory& directory, const TrialTable& table) {
  CurveBands bands;
  bands.epochs = epochs_of(table);
  const std::size_t n_epochs = bands.epochs.size();
  const std::vector<std::size_t> sample = thinned(table.size(), kMostTrials);
  bands.n_trials = sample.size();
  bands.n_there.resize(n_epochs);

  // [value][epoch], of all trials of the sample.
  std::array<std::vector<std::vector<double>>, kCurveValues> found;
  found.fill(std::vector<std::vector<double>>(n_epochs));
  for (const std::size_t trial : sample) {
    const std::vector<CurvePoint> curve = directory.curve(table.ids[trial]);
    const auto values = at_epochs(curve, bands.epochs);
    for (std::size_t e = 0; e < n_epochs; ++e) {
      // One that diverged and became a copy later lacks epochs in between.
      if (std::ranges::binary_search(curve, bands.epochs[e], {}, &CurvePoint::epoch)) ++bands.n_there[e];
      for (std::size_t which = 0; which < kCurveValues; ++which) {
        if (std::isfinite(values[which][e])) found[which][e].push_back(values[which][e]);
      }
    }
  }
  for (std::size_t which = 0; which < kCurveValues; ++which) {
    for (std::vector<double>& values : found[which]) {
      std::ranges::sort(values);
      for (std::size_t q = 0; q < kBandQuantiles.size(); ++q) {
        bands.quantiles[which][q].push_back(quantile(values, kBandQuantiles[q]));
      }
    }
  }
  for (const std::size_t trial : thinned(table.size(), kMostCurves, kBestCurves)) {
    bands.curves.push_back({trial, at_epochs(directory.curve(table.ids[trial]), bands.epochs)});
  }
  return bands;
}

}  // namespace shoal::report
