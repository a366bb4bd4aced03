#include "train/round_sizer.hpp"

#include <algorithm>

#include "plan/plan.hpp"

namespace shoal::train {
namespace {

constexpr std::size_t kGrowth = 4;
constexpr double kWorthwhileGain = 1.15;
constexpr double kLongCallSeconds = 1.0;
constexpr std::size_t kGangsPerCore = 4;  // so that a core that is early finds other work

}  // namespace

std::uint32_t RoundSizer::epochs(double epoch_cost, std::size_t n_networks) const {
  if (rate_ <= 0 || epoch_cost <= 0) return 1;
  // Calls are short while the width is being found, to waste little of a machine that is not full.
  const double target_s = growing_ ? round_s_ / 4 : round_s_;
  const std::uint64_t most = std::max<std::uint64_t>(1, plan::kCallRecords / std::max<std::size_t>(1, n_networks));
  return static_cast<std::uint32_t>(std::clamp(target_s * rate_ / epoch_cost, 1.0, static_cast<double>(most)));
}

void RoundSizer::measured(double cost, double seconds, std::uint32_t epochs, std::size_t n_gangs) {
  if (cost <= 0 || seconds <= 0) return;
  const double rate = cost / seconds;
  if (growing_ && n_gangs >= width_) {
    grow(rate, seconds, epochs, n_gangs);
  } else if (!growing_ && epochs == 1 && seconds > kLongCallSeconds && width_ > n_cores_) {
    width_ = std::max(n_cores_, width_ / 2);
  }
  rate_ = rate;
}

void RoundSizer::grow(double rate, double seconds, std::uint32_t epochs, std::size_t n_gangs) {
  const bool too_few = n_gangs < n_cores_ * kGangsPerCore;
  const bool long_call = epochs == 1 && seconds > kLongCallSeconds;
  const bool gained = rate > kWorthwhileGain * rate_before_;
  width_ = std::max(width_, n_gangs);
  growing_ = !(long_call && n_gangs >= n_cores_) && (too_few || gained);
  if (growing_) {
    width_ = too_few ? std::min(width_ * kGrowth, std::max(n_cores_ * kGangsPerCore, width_ + 1)) : width_ * kGrowth;
  }
  rate_before_ = rate;
}

}  // namespace shoal::train
