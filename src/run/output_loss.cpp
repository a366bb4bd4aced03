#include "run/output_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace shoal::run {
namespace {

// A float between 1 - 2^-24 and 1 is one of the two; a probability that became 1 lacked this much on average.
constexpr double kLostBesideOne = 0x1p-25;

double log_of_probability(double p) {
  return std::log(std::max(p, static_cast<double>(std::numeric_limits<float>::denorm_min())));
}
/// ln(1 - p).
double log_of_rest(double p) { return std::log(std::max(1.0 - p, kLostBesideOne)); }

double regression_loss(const Hyperparameters& hyperparameters, double residual) {
  const double size = std::abs(residual);
  switch (hyperparameters.loss) {
    case Loss::half_squared_error:
      return residual * residual / 2;
    case Loss::absolute_error:
      return size;
    case Loss::huber: {
      const double delta = hyperparameters.huber_delta;
      return size <= delta ? residual * residual / 2 : delta * (size - delta / 2);
    }
    default:
      return residual * residual;
  }
}

}  // namespace

float output_loss(const Dataset& dataset, const Split& split, const Hyperparameters& hyperparameters, std::uint32_t row,
                  std::span<const float> outputs) {
  if (dataset.task() == Task::classification) {
    const auto label = static_cast<std::size_t>(dataset.labels[row]);
    const bool is_rest = hyperparameters.loss == Loss::binary_cross_entropy && label == 0;
    return static_cast<float>(-(is_rest ? log_of_rest(outputs[1]) : log_of_probability(outputs[label])));
  }
  double loss = 0;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const float stored = dataset.targets[static_cast<std::size_t>(row) * outputs.size() + o];
    if (dataset.task() == Task::multilabel) {
      loss -= stored > 0.5F ? log_of_probability(outputs[o]) : log_of_rest(outputs[o]);
    } else {
      const float target = (stored - split.targets.offset[o]) * split.targets.factor[o];
      loss += regression_loss(hyperparameters, static_cast<double>(outputs[o] - target));
    }
  }
  return static_cast<float>(loss);
}

}  // namespace shoal::run
