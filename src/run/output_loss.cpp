#include "run/output_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace shoal::run {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

/// softmax(z)[label].
double softmax_at(std::span<const float> z, std::size_t label) {
  const double largest = std::ranges::max(z);
  double sum = 0;
  for (const float one : z) sum += std::exp(static_cast<double>(one) - largest);
  return std::exp(static_cast<double>(z[label]) - largest) / sum;
}

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

std::vector<double> chances(const Dataset& dataset, std::span<const std::uint32_t> rows, std::span<const float> z) {
  const std::size_t width = z.size() / std::max<std::size_t>(1, rows.size());
  std::vector<double> all;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::span<const float> of_row = z.subspan(r * width, width);
    const auto add = [&](bool is_there, float one) {
      all.push_back(sigmoid(is_there ? static_cast<double>(one) : -static_cast<double>(one)));
    };
    if (dataset.task() == Task::multilabel) {
      for (std::size_t o = 0; o < width; ++o) add(dataset.targets[rows[r] * width + o] > 0.5F, of_row[o]);
    } else if (width == 1) {
      add(dataset.labels[rows[r]] == 1, of_row[0]);  // two classes, one output: the second class's
    } else {
      all.push_back(softmax_at(of_row, static_cast<std::size_t>(dataset.labels[rows[r]])));
    }
  }
  return all;
}

float chance_loss(std::span<const double> chances) {
  double loss = 0;
  for (const double chance : chances) loss -= std::log(std::max(chance, std::numeric_limits<double>::denorm_min()));
  return static_cast<float>(loss);
}

float residual_loss(const Dataset& dataset, const Split& split, const Hyperparameters& hyperparameters,
                    std::uint32_t row, std::span<const float> outputs) {
  double loss = 0;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const float stored = dataset.targets[static_cast<std::size_t>(row) * outputs.size() + o];
    const float target = (stored - split.targets.offset[o]) * split.targets.factor[o];
    loss += regression_loss(hyperparameters, static_cast<double>(outputs[o] - target));
  }
  return static_cast<float>(loss);
}

}  // namespace shoal::run
