#include "plan/plan.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <ranges>
#include <thread>
#include <tuple>
#include <utility>

#include "shoal/error.hpp"
#include "shoal/run.hpp"

namespace shoal::plan {
namespace {

// A trial of a window, its gang's part, its results until they are written: measured, docs/decisions/memory.md.
constexpr std::uint64_t kTrialBytes = 1200;

// Of the widest vector.
constexpr std::uint64_t kVectorNetworks = 16;

template <class T>
std::uint64_t bytes_of(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

/// A network's state outside of its place: in a checkpoint, and while it comes and goes.
std::uint64_t state_bytes(const Gang& gang) {
  const std::uint64_t n_copies = 2 + (has_second_moment(gang.key.solver) ? 1U : 0U) + (gang.keeps_best ? 1U : 0U);
  return n_copies * gang.key.topology.n_parameters() * sizeof(float);
}

/// place_bytes[i]: of the first i gangs, and in the host's memory of their networks' states.
std::vector<std::uint64_t> place_bytes(std::span<const FilledGang> gangs, const Engine& engine) {
  const bool on_host = !engine.device_bytes();
  std::vector<std::uint64_t> sums{0};
  sums.reserve(gangs.size() + 1);
  for (const FilledGang& filled : gangs) {
    const std::uint64_t state = on_host ? state_bytes(filled.gang) : 0;
    sums.push_back(sums.back() + filled.gang.n_slots * (engine.bytes_per_slot(filled.gang) + state));
  }
  return sums;
}

/// What training takes beside places: the engine's workspace, and a second copy of a state that comes to its place.
std::uint64_t training_bytes(std::span<const Gang> gangs, const Engine& engine) {
  std::uint64_t largest = 0;
  if (!engine.device_bytes()) {
    for (const Gang& gang : gangs) largest = std::max(largest, state_bytes(gang));
  }
  return engine.workspace_bytes(gangs) + largest;
}

/// Numbers the places of gangs that are in memory together.
Chunk chunk_of(std::span<const FilledGang> gangs, std::uint64_t bytes) {
  Chunk chunk{{gangs.begin(), gangs.end()}, bytes};
  Slot slot = 0;
  for (FilledGang& filled : chunk.gangs) {
    filled.gang.first_slot = slot;
    slot += filled.gang.n_slots;
  }
  return chunk;
}

std::string need_text(const Gang& gang, std::uint64_t bytes) {
  return "the table, trials and their records and one gang of networks of " +
         std::to_string(gang.key.topology.n_parameters()) + " parameters need " + bytes_text(bytes) + " (" +
         std::to_string(bytes) + " bytes)";
}

}  // namespace

GangTooLarge::GangTooLarge(const Gang& gang, std::uint64_t beside_bytes, std::uint64_t needed_bytes,
                           std::uint64_t memory_bytes)
    : GangTooLarge(need_text(gang, needed_bytes), needed_bytes - beside_bytes, needed_bytes, memory_bytes) {}

GangTooLarge::GangTooLarge(std::string need, std::uint64_t network_bytes, std::uint64_t needed_bytes,
                           std::uint64_t memory_bytes)
    : InputError(Diagnostic{"", 0, "trainer.memory", "is " + bytes_text(memory_bytes) + ", but " + need}),
      need_(std::move(need)),
      network_bytes_(network_bytes),
      needed_bytes_(needed_bytes) {}

std::uint64_t n_training_rows(const Trial& trial, const Dataset& dataset) {
  return dataset.splits.at(trial.fold).training.size();
}

double epoch_cost(const Trial& trial, const Dataset& dataset) {
  return static_cast<double>(trial.topology.n_parameters()) * static_cast<double>(n_training_rows(trial, dataset));
}

double cost(const Trial& trial, const Dataset& dataset) {
  return epoch_cost(trial, dataset) * static_cast<double>(trial.hyperparameters.max_iter);
}

std::uint64_t dataset_bytes(const Dataset& dataset) {
  std::uint64_t bytes = bytes_of(dataset.inputs) + bytes_of(dataset.labels) + bytes_of(dataset.targets) +
                        bytes_of(dataset.weights) + bytes_of(dataset.test);
  for (const Split& split : dataset.splits) bytes += bytes_of(split.training) + bytes_of(split.validation);
  return bytes;
}

std::uint64_t table_bytes(const Dataset& dataset, const Engine& engine) {
  return engine.device_bytes() ? 0 : dataset_bytes(dataset);
}

Leg all_epochs(const Trial& trial) { return {0, static_cast<std::uint32_t>(trial.hyperparameters.max_iter)}; }

std::vector<Leg> all_epochs(std::span<const Trial> trials) {
  std::vector<Leg> legs;
  legs.reserve(trials.size());
  for (const Trial& trial : trials) legs.push_back(all_epochs(trial));
  return legs;
}

std::vector<Cohort> cohorts(std::span<const Trial> trials, std::span<const Leg> legs) {
  std::map<std::pair<GangKey, std::uint32_t>, std::vector<std::uint32_t>> by_key;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    by_key[{gang_key(trials[i]), legs[i].from}].push_back(static_cast<std::uint32_t>(i));
  }
  std::vector<Cohort> all;
  all.reserve(by_key.size());
  for (auto& [key, members] : by_key) {
    // Members of a cohort differ in cost by their epochs alone. Gangs of equal length have no masked epochs, and only
    // gangs with patience pay for places that hold the best parameters.
    std::ranges::sort(members, {}, [&](std::uint32_t i) {
      return std::tuple(!has_patience(trials[i].hyperparameters), -std::int64_t{legs[i].until}, i);
    });
    all.push_back({key.first, std::move(members)});
  }
  return all;
}

std::vector<FilledGang> gangs(std::span<const Trial> trials, std::span<const Leg> legs, const Dataset& dataset,
                              const Engine& engine) {
  std::vector<FilledGang> all;
  for (const Cohort& cohort : cohorts(trials, legs)) {
    const std::uint32_t n_slots = std::max(1U, engine.gang_size(cohort.key));
    for (std::size_t first = 0; first < cohort.members.size(); first += n_slots) {
      const std::size_t count = std::min<std::size_t>(n_slots, cohort.members.size() - first);
      const auto members = std::span(cohort.members).subspan(first, count);
      FilledGang filled{{cohort.key, 0, static_cast<std::uint32_t>(count), false}, {members.begin(), members.end()}, 0};
      filled.gang.n_company = trials.size();
      filled.gang.first_epoch = legs[members.front()].from;
      for (const std::uint32_t i : members) {
        filled.gang.keeps_best |= has_patience(trials[i].hyperparameters);
        filled.gang.has_dropout |= trials[i].hyperparameters.dropout > 0;
        filled.gang.n_epochs = std::max(filled.gang.n_epochs, legs[i].until - legs[i].from);
        filled.cost += epoch_cost(trials[i], dataset) * (legs[i].until - legs[i].from);
      }
      all.push_back(std::move(filled));
    }
  }
  std::ranges::sort(all, [](const FilledGang& a, const FilledGang& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.trials.front() < b.trials.front();
  });
  return all;
}

std::uint64_t record_bytes(std::span<const Trial> trials, std::span<const Leg> legs, std::uint64_t n_cores) {
  std::uint64_t n_epochs = 0, n_points = 0, longest = 0;
  for (const Leg& leg : legs) {
    n_epochs += leg.until - leg.from;
    n_points += leg.until;
    longest = std::max<std::uint64_t>(longest, leg.until);
  }
  const std::uint64_t of_cores = n_cores * kVectorNetworks * longest * sizeof(CurvePoint);
  // An engine gathers a call's records from its workers'.
  const std::uint64_t n_records = 2 * std::min(n_epochs, std::max<std::uint64_t>(kCallRecords, trials.size()));
  return trials.size() * kTrialBytes + n_records * sizeof(EpochRecord) +
         std::min(n_points * sizeof(CurvePoint), kCurveBytes + of_cores);
}

std::uint32_t n_cores() { return std::max(1U, std::thread::hardware_concurrency()); }

std::vector<Gang> Chunk::layout() const {
  std::vector<Gang> all;
  all.reserve(gangs.size());
  for (const FilledGang& filled : gangs) all.push_back(filled.gang);
  return all;
}

std::pair<Chunk, Chunk> halves(const Chunk& chunk, const Engine& engine, std::uint64_t table_bytes) {
  const auto half = [&](std::span<const FilledGang> gangs) {
    Chunk part = chunk_of(gangs, 0);
    part.bytes = table_bytes + place_bytes(gangs, engine).back() + training_bytes(part.layout(), engine);
    return part;
  };
  const std::span<const FilledGang> all = chunk.gangs;
  return {half(all.first(all.size() / 2)), half(all.subspan(all.size() / 2))};
}

std::vector<Chunk> chunks(std::vector<FilledGang> gangs, const Engine& engine, std::uint64_t beside_bytes,
                          std::uint64_t memory_bytes) {
  const std::vector<std::uint64_t> sums = place_bytes(gangs, engine);
  std::vector<Gang> layout;
  layout.reserve(gangs.size());
  for (const FilledGang& filled : gangs) layout.push_back(filled.gang);

  std::vector<Chunk> all;
  const auto needed_from = [&](std::size_t first, std::size_t count) {
    return beside_bytes + sums[first + count] - sums[first] +
           training_bytes(std::span(layout).subspan(first, count), engine);
  };
  for (std::size_t first = 0; first < gangs.size();) {
    const auto needed = [&](std::size_t count) { return needed_from(first, count); };
    if (needed(1) > memory_bytes) {
      // With what it names all others fit as well.
      const auto most =
          std::ranges::max(std::views::iota(first, gangs.size()), {}, [&](std::size_t i) { return needed_from(i, 1); });
      throw GangTooLarge(layout[most], beside_bytes, needed_from(most, 1), memory_bytes);
    }
    // The most that places alone allow, then the most with a workspace: needs grow with the number of gangs.
    std::size_t most = 1;
    while (first + most < gangs.size() && sums[first + most + 1] - sums[first] <= kChunkPlaceBytes &&
           beside_bytes + sums[first + most + 1] - sums[first] <= memory_bytes) {
      ++most;
    }
    std::size_t count = most;
    if (needed(most) > memory_bytes) {
      count = 1;
      while (most - count > 1) {
        const std::size_t middle = count + (most - count) / 2;
        (needed(middle) <= memory_bytes ? count : most) = middle;
      }
    }
    all.push_back(chunk_of(std::span(gangs).subspan(first, count), needed(count)));
    first += count;
  }
  return all;
}

std::vector<Chunk> plan_window(std::span<const Trial> trials, std::span<const Leg> legs, const Dataset& dataset,
                               const Engine& engine, std::uint64_t memory_bytes, std::uint64_t host_bytes) {
  const std::uint64_t beside_bytes = table_bytes(dataset, engine) + (engine.device_bytes() ? 0 : host_bytes);
  return chunks(gangs(trials, legs, dataset, engine), engine, beside_bytes, memory_bytes);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits.at(unit));
  return text.data();
}

}  // namespace shoal::plan
