// What ends a minibatch: its gradient is finished and clipped, and the optimizer takes its step.
#include <cmath>

#include "engine/cpu/minibatch.hpp"
#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

/// The part of a step that finishes a gradient.
Step gradient_constants(const Hyperparameters& h, float inverse_weight) {
  Step constants{};
  constants.inverse_rows = inverse_weight;
  constants.penalty = static_cast<float>(l2_penalty(h)) * inverse_weight;
  constants.l1 = static_cast<float>(h.l1) * inverse_weight;
  return constants;
}

}  // namespace

float Minibatch::inverse_weight() const {
  if (!weighted_) return 1.0F / static_cast<float>(n_before_ + n_rows_);
  return weight_sum_ > 0.0F ? 1.0F / weight_sum_ : 0.0F;
}

void Minibatch::for_each_step(const Step& constants, const Update& update, void (*apply)(const Step&)) {
  const Hyperparameters& h = *update.hyperparameters;
  team_->each(pieces_.size(), [&](std::size_t i, std::size_t) {
    const Layer& layer = *pieces_[i].layer;
    const auto l = static_cast<std::size_t>(&layer - layout_->layers().data());
    const float rate = static_cast<float>(update.rate * update.factors[l]);
    const float decay = h.solver == Solver::adamw ? static_cast<float>(static_cast<double>(rate) * h.alpha) : 0.0F;
    const std::size_t n_weights = layer.n_in * pieces_[i].panel.columns;
    Step step = constants;
    step.eta = static_cast<float>(static_cast<double>(rate) * update.correction_2 / update.correction_1);
    for (const bool bias : {false, true}) {
      const std::size_t at = pieces_[i].offset() + (bias ? n_weights : 0);
      step.weight = update.weights + at;
      step.gradient = gradient_.data() + at;
      step.first_moment = update.first_moment == nullptr ? nullptr : update.first_moment + at;
      step.second_moment = update.second_moment == nullptr ? nullptr : update.second_moment + at;
      step.n = bias ? pieces_[i].panel.columns : n_weights;
      step.decay = bias ? 0.0F : decay;
      step.penalty = bias ? 0.0F : constants.penalty;
      step.l1 = bias ? 0.0F : constants.l1;
      apply(step);
    }
  });
}

void Minibatch::step(const Update& update) {
  const Hyperparameters& h = *update.hyperparameters;
  Step constants = gradient_constants(h, inverse_weight());
  if (h.clip_norm > 0) {
    // The gradient is finished first; the step then applies it as it is, or shortened.
    for_each_step(constants, update, kernels_->scale_gradient);
    const double norm = gradient_norm();
    constants = {};
    constants.inverse_rows = norm > h.clip_norm ? static_cast<float>(h.clip_norm / norm) : 1.0F;
  }
  constants.momentum = static_cast<float>(h.momentum);
  constants.nesterov = h.nesterovs_momentum;
  constants.beta_1 = static_cast<float>(h.beta_1);
  constants.c_1 = static_cast<float>(1.0 - h.beta_1);
  constants.beta_2 = static_cast<float>(h.beta_2);
  constants.c_2 = static_cast<float>(1.0 - h.beta_2);
  constants.epsilon = static_cast<float>(h.epsilon);
  for_each_step(constants, update, kernels_->step);
}

void Minibatch::finish_gradient(const Hyperparameters& h, float* weights) {
  const std::vector<double> factors(layout_->layers().size(), 1.0);
  const Update update{.hyperparameters = &h, .rate = 0, .factors = factors, .weights = weights};
  for_each_step(gradient_constants(h, inverse_weight()), update, kernels_->scale_gradient);
}

/// Its squares are exact in double and are added in canonical order.
double Minibatch::gradient_norm() const {
  math::Sum32 squares;
  for (const Layer& layer : layout_->layers()) {
    for (std::size_t o = 0; o < layer.n_out; ++o) {
      for (std::size_t i = 0; i <= layer.n_in; ++i) {
        const auto g = static_cast<double>(gradient_.data()[layer.at(i, o)]);
        squares.add(g * g);
      }
    }
  }
  return std::sqrt(squares.total());
}

}  // namespace shoal::cpu
