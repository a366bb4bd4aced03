#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"

namespace shoal::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// An engine that adds the time of its kernels to `time` where it can.
std::unique_ptr<Engine> make_timed(const MeasureOptions& options, const Dataset& data, KernelTime& time) {
  const EngineOptions engine_options{
      .precision = options.precision, .metric = Metric::train_loss, .memory_bytes = options.memory_bytes};
  const bool has_clock = options.engine == "cuda" && cuda_engine_info().available;
  return has_clock ? make_timed_cuda_engine(data, engine_options, time)
                   : make_engine(options.engine, data, engine_options);
}

/// Spread over all networks, so that a fault that depends on the place shows.
std::vector<std::uint32_t> checked_networks(const Workload& workload) {
  std::set<std::uint32_t> numbers{0, workload.n_networks - 1};
  for (std::uint32_t i = 1; i < workload.n_checked && i < workload.n_networks; ++i) {
    numbers.insert(static_cast<std::uint32_t>(std::fmod(0.6180339887498949 * i, 1.0) * workload.n_networks));
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

std::map<std::uint32_t, double> loss_of_network(const Placement& placement, std::span<const EpochRecord> records) {
  std::map<std::uint32_t, double> losses;
  for (const EpochRecord& record : records) losses[placement.networks()[record.slot]] = record.train_loss;
  return losses;
}

/// The first epoch of some of the engine's networks against the CPU engine's.
nlohmann::ordered_json check(const Workload& workload, const Dataset& data, Precision precision, Engine& engine,
                             const Placement& all) {
  const Placement some(workload, checked_networks(workload));
  const std::unique_ptr<Engine> cpu = make_engine("cpu", data, {.metric = Metric::train_loss});
  some.place(*cpu);
  const std::map<std::uint32_t, double> expected = loss_of_network(some, some.train(*cpu, 1));
  all.place(engine);
  const std::map<std::uint32_t, double> found = loss_of_network(all, all.train(engine, 1));
  std::map<std::uint32_t, Slot> slot_of;
  for (Slot slot = 0; slot < all.networks().size(); ++slot) slot_of[all.networks()[slot]] = slot;
  std::uint32_t n_different = 0;
  double worst = 0;
  for (Slot slot = 0; slot < some.networks().size(); ++slot) {
    const std::uint32_t network = some.networks()[slot];
    const bool is_equal = cpu->read(slot).parameters == engine.read(slot_of.at(network)).parameters;
    n_different += is_equal ? 0 : 1;
    const double error = std::abs(found.at(network) - expected.at(network)) / std::abs(expected.at(network));
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  nlohmann::ordered_json result{{"networks", some.networks().size()}, {"epochs", 1}, {"worst_loss_error", worst}};
  if (precision == Precision::strict) {
    result["rule"] = "the CPU engine's bits";
    result["different"] = n_different;
    result["ok"] = n_different == 0;
  } else {
    result["rule"] = "the CPU engine's training loss of each network within the tolerance, relative";
    result["tolerance"] = loss_tolerance(precision);
    result["ok"] = worst <= loss_tolerance(precision);
  }
  return result;
}

/// Seconds of a whole training as speeds: the median, and the spread.
nlohmann::ordered_json speed(const Workload& workload, std::vector<double> seconds) {
  std::ranges::sort(seconds);
  const double middle = seconds[seconds.size() / 2];
  const double samples = static_cast<double>(workload.n_rows) * workload.n_epochs;
  return {{"median_s", middle},
          {"min_s", seconds.front()},
          {"max_s", seconds.back()},
          {"network_samples_per_s", samples * workload.n_networks / middle},
          {"gflop_per_s", 6 * samples * static_cast<double>(n_parameters(workload)) / middle / 1e9}};
}

void time(const Workload& workload, const MeasureOptions& options, Engine& engine, const Placement& all,
          KernelTime& kernel_time, nlohmann::ordered_json& result) {
  std::vector<double> wall, kernel, place;
  const auto start = Clock::now();
  while (wall.empty() || (wall.size() < options.n_repetitions && seconds_since(start) < options.seconds)) {
    const auto placing = Clock::now();
    all.place(engine);
    place.push_back(seconds_since(placing));
    kernel_time.milliseconds = 0;
    const auto training = Clock::now();
    static_cast<void>(all.train(engine, workload.n_epochs));
    wall.push_back(seconds_since(training));
    kernel.push_back(kernel_time.milliseconds / 1e3);
  }
  result["repetitions"] = wall.size();
  if (kernel.front() > 0) result["kernel"] = speed(workload, kernel);
  result["wall"] = speed(workload, wall);
  std::ranges::sort(place);
  result["place_median_s"] = place[place.size() / 2];
}

EngineInfo info_of(const MeasureOptions& options) {
  for (const EngineInfo& info : engines()) {
    if (info.name != options.engine) continue;
    if (!info.available) throw UnavailableError("engine " + info.name + " is not available: " + info.detail);
    return info;
  }
  throw UnavailableError("there is no engine '" + options.engine + "'");
}

}  // namespace

Placement::Placement(const Workload& workload, std::span<const std::uint32_t> members) : workload_(&workload) {
  for (std::size_t kind = 0; kind < workload.kinds.size(); ++kind) {
    const auto first = static_cast<Slot>(network_at_.size());
    std::ranges::copy_if(members, std::back_inserter(network_at_),
                         [&](std::uint32_t number) { return number % workload.kinds.size() == kind; });
    const auto n_slots = static_cast<std::uint32_t>(network_at_.size()) - first;
    if (n_slots > 0) gangs_.push_back({gang_key(trial(workload, network_at_[first])), first, n_slots});
  }
}

void Placement::place(Engine& engine) const {
  engine.prepare(gangs_);
  for (Slot slot = 0; slot < network_at_.size(); ++slot) {
    const Trial network = trial(*workload_, network_at_[slot]);
    engine.place(slot, network, initial_state(network));
  }
}

std::vector<EpochRecord> Placement::train(Engine& engine, std::uint32_t epoch) const {
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < network_at_.size(); ++slot) targets.push_back({slot, epoch});
  std::vector<EpochRecord> records;
  records.reserve(targets.size() * epoch);
  std::vector<Slot> lost;
  engine.train(targets, {}, records, lost);
  return records;
}

nlohmann::ordered_json measure(const Workload& workload, const MeasureOptions& options) {
  const EngineInfo info = info_of(options);
  nlohmann::ordered_json result{{"workload", workload.name},
                                {"engine", options.engine},
                                {"precision", name(options.precision)},
                                {"memory_bytes", options.memory_bytes},
                                {"device", info.detail},
                                {"compiler", "g++ " __VERSION__},
                                {"networks", workload.n_networks},
                                {"rows", workload.n_rows},
                                {"batch_size", workload.batch_size},
                                {"epochs", workload.n_epochs},
                                {"flops", "6 a parameter, row and epoch"},
                                {"ok", true}};
  const Dataset data = table(workload);
  KernelTime kernel_time;
  const std::unique_ptr<Engine> engine = make_timed(options, data, kernel_time);
  for (std::uint32_t i = 0; i < std::min<std::size_t>(workload.kinds.size(), workload.n_networks); ++i) {
    if (const std::string why = engine->why_not(trial(workload, i)); !why.empty()) {
      result["skipped"] = why;
      return result;
    }
  }
  std::vector<std::uint32_t> members(workload.n_networks);
  std::iota(members.begin(), members.end(), 0U);
  const Placement all(workload, members);
  result["check"] = check(workload, data, options.precision, *engine, all);
  result["ok"] = result["check"]["ok"];
  if (result["ok"]) time(workload, options, *engine, all, kernel_time, result);
  return result;
}

}  // namespace shoal::bench
