#include "bench/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace shoal::bench {
namespace {

/// Of the reference's work, which takes a nanosecond each: about half a second.
constexpr double kReferenceFlops = 5e8;
constexpr std::uint32_t kReferenceNetworks = 32;
constexpr std::uint32_t kReferenceMinibatches = 8;

/// Of what training changes in the parameters. Rates that are 2 % off change it by 1e-2 to 2e-2; rounding by 1e-6, but
/// a unit's kink may fall on the other side of a row, which changes it by 1e-3.
constexpr double kChangeTolerance = 5e-3;

/// `n` at most, spread over all networks, so that a fault that depends on the place shows.
std::vector<std::uint32_t> spread(const Workload& workload, std::uint32_t n) {
  std::set<std::uint32_t> numbers{0};
  if (n > 1) numbers.insert(workload.size.n_networks - 1);
  for (std::uint32_t i = 1; i + 1 < n && i < workload.size.n_networks; ++i) {
    numbers.insert(static_cast<std::uint32_t>(std::fmod(0.6180339887498949 * i, 1.0) * workload.size.n_networks));
  }
  return {numbers.begin(), numbers.end()};
}

/// Relative error of a network's training loss that a precision may have: 16 roundings of an operand of a product, but
/// not less than 1e-3, since a unit's kink may fall on the other side of a row.
double loss_tolerance(Precision precision) {
  const double unit_roundoff = std::ldexp(1.0, precision == Precision::bf16   ? -9
                                               : precision == Precision::tf32 ? -11
                                                                              : -24);
  return std::max(1e-3, 16 * unit_roundoff);
}

/// Of each network's first epoch, which it trains.
std::map<std::uint32_t, double> first_losses(const Placement& placement, Engine& engine, const std::stop_token& stop) {
  std::vector<EpochRecord> records;
  placement.train(engine, 1, stop, records);
  std::map<std::uint32_t, double> losses;
  for (const EpochRecord& record : records) losses[placement.networks()[record.slot]] = record.train_loss;
  return losses;
}

/// A NaN is worse than any number.
void take_worse(double& worst, double error) { worst = error <= worst ? worst : error; }

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

BenchCheck check_against_cpu(const Workload& workload, const Dataset& data, Precision precision, Engine& engine,
                             const Placement& all, const std::stop_token& stop) {
  const bool is_strict = precision == Precision::strict;
  const Placement alone(workload, spread(workload, workload.n_checked), Company::nobody);
  const std::unique_ptr<Engine> cpu = make_engine("cpu", data, {.metric = Metric::train_loss});
  alone.place(*cpu, stop);
  const auto expected = first_losses(alone, *cpu, stop);
  all.place(engine, stop);
  const auto found = first_losses(all, engine, stop);
  BenchCheck check{.rule = is_strict ? "the bits of networks that engine cpu trains alone, after an epoch"
                                     : "the training loss of networks that engine cpu trains alone, after an epoch",
                   .tolerance = is_strict ? 0 : loss_tolerance(precision)};
  std::map<std::uint32_t, Slot> slot_of;
  for (Slot slot = 0; slot < all.networks().size(); ++slot) slot_of[all.networks()[slot]] = slot;
  for (Slot slot = 0; slot < alone.networks().size() && !stop.stop_requested(); ++slot) {
    const std::uint32_t network = alone.networks()[slot];
    const double error = std::abs(found.at(network) - expected.at(network)) / std::abs(expected.at(network));
    take_worse(check.worst_error, error);
    const bool is_right = is_strict ? cpu->read(slot).parameters == engine.read(slot_of.at(network)).parameters
                                    : error <= check.tolerance;
    ++check.n_networks;
    check.n_wrong += is_right ? 0 : 1;
  }
  return check;
}

BenchCheck check_against_reference(const Workload& workload, const std::stop_token& stop) {
  const double flops = work(workload).flops;
  Workload few = workload;
  few.size.n_rows = static_cast<std::uint32_t>(
      std::clamp(kReferenceFlops / flops, 1.0,
                 std::min<double>(workload.size.n_rows, 1.0 * kReferenceMinibatches * workload.batch_size)));
  const double n_affordable = kReferenceFlops / (flops * few.size.n_rows);
  const auto n = static_cast<std::uint32_t>(std::clamp(n_affordable, 1.0, 1.0 * kReferenceNetworks));
  const Placement some(few, spread(few, n), Company::its_kind);
  const Dataset data = table(few);
  BenchCheck check{.rule = "what the first steps of engine cpu change, against the reference in double",
                   .tolerance = kChangeTolerance};
  std::vector<std::unique_ptr<Engine>> engines;
  for (const char* name : {"cpu", "reference"}) {
    engines.push_back(make_engine(name, data, {.metric = Metric::train_loss}));
    some.place(*engines.back(), stop);
    std::vector<EpochRecord> records;
    some.train(*engines.back(), 1, stop, records);
  }
  double error = 0;
  double change = 0;
  for (Slot slot = 0; slot < some.networks().size() && !stop.stop_requested(); ++slot) {
    const auto before = initial_state(trial(few, some.networks()[slot])).parameters;
    const auto expected = engines[1]->read(slot).parameters;
    error += squared_distance(engines[0]->read(slot).parameters, expected);
    change += squared_distance(expected, before);
    ++check.n_networks;
  }
  if (stop.stop_requested()) return check;
  check.worst_error = std::sqrt(error / change);
  check.n_wrong = check.worst_error <= check.tolerance ? 0 : check.n_networks;
  return check;
}

}  // namespace shoal::bench
