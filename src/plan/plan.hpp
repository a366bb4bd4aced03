#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "shoal/trial.hpp"

/// Trials -> cohorts -> gangs -> chunks that fit memory. A trial's result depends on none of it.
namespace shoal::plan {

/// Trials that are planned at a time, so that a sweep of any length is planned in bounded memory.
inline constexpr std::uint64_t kWindowTrials = 65'536;

/// Place bytes of a chunk beyond which a new chunk starts even where the limit would allow more: places are allocated
/// at once, and a chunk of this size keeps every core busy.
inline constexpr std::uint64_t kChunkPlaceBytes = std::uint64_t{1} << 30U;

/// Epochs that a call of the engine records at most, of all its networks; more where one of each is more.
inline constexpr std::uint64_t kCallRecords = std::uint64_t{1} << 17U;

/// Bytes of learning curves beyond which no more networks begin to train beside those that keep every core busy.
inline constexpr std::uint64_t kCurveBytes = std::uint64_t{1} << 28U;

/// Work of an epoch of a trial: parameters x training rows.
[[nodiscard]] double epoch_cost(const Trial& trial, const Dataset& dataset);
/// Work of all its epochs; an upper bound with patience.
[[nodiscard]] double cost(const Trial& trial, const Dataset& dataset);
/// Training rows of the trial's split.
[[nodiscard]] std::uint64_t n_training_rows(const Trial& trial, const Dataset& dataset);
/// Bytes that the table and its splits take.
[[nodiscard]] std::uint64_t dataset_bytes(const Dataset& dataset);
/// What of them the engine's predictions lack: nothing where it holds the table in a device's memory.
[[nodiscard]] std::uint64_t table_bytes(const Dataset& dataset, const Engine& engine);

/// The epochs of a trial that are planned: those after `from`, up to `until`.
struct Leg {
  std::uint32_t from = 0;
  std::uint32_t until = 0;
};
[[nodiscard]] Leg all_epochs(const Trial& trial);
/// Of every trial.
[[nodiscard]] std::vector<Leg> all_epochs(std::span<const Trial> trials);

/// Trials of a window that may share gangs: those of one key whose legs begin at one epoch.
struct Cohort {
  GangKey key;
  std::vector<std::uint32_t> members;  ///< indices into the window: those with patience first, then longest leg first
};
/// Every trial in exactly one cohort; cohorts in the order of their keys. legs: one a trial.
[[nodiscard]] std::vector<Cohort> cohorts(std::span<const Trial> trials, std::span<const Leg> legs);

/// A gang and who takes its places: trials[i] takes place gang.first_slot + i, the others stay masked.
struct FilledGang {
  Gang gang;
  std::vector<std::uint32_t> trials;  ///< indices into the window
  double cost = 0;                    ///< of the legs of all its trials
};
/// Cuts cohorts into gangs of engine.gang_size(key) places; costliest gang first, ties by their first trial. Their
/// first_slot is 0: chunks() numbers places.
[[nodiscard]] std::vector<FilledGang> gangs(std::span<const Trial> trials, std::span<const Leg> legs,
                                            const Dataset& dataset, const Engine& engine);

/// Bytes of the host's memory that a window takes beside places: its trials, the records of a call and the learning
/// curves of networks in training, of which every core has a vector however long they are.
[[nodiscard]] std::uint64_t record_bytes(std::span<const Trial> trials, std::span<const Leg> legs,
                                         std::uint64_t n_cores);
/// Cores of this machine, at least 1.
[[nodiscard]] std::uint32_t n_cores();

/// Gangs that are in memory together. Slots are numbered from 0 without holes.
struct Chunk {
  std::vector<FilledGang> gangs;  ///< costliest first
  std::uint64_t bytes = 0;        ///< predicted: places, workspace, table, records and what waits at rungs

  /// As Engine::prepare wants them.
  [[nodiscard]] std::vector<Gang> layout() const;
};
/// A chunk's gangs in two chunks, where they turned out not to fit together. The chunk has two gangs at least.
[[nodiscard]] std::pair<Chunk, Chunk> halves(const Chunk& chunk, const Engine& engine, std::uint64_t table_bytes);
/// A gang alone needs more than the limit. As an InputError it names trainer.memory.
class GangTooLarge : public InputError {
 public:
  GangTooLarge(const Gang& gang, std::uint64_t beside_bytes, std::uint64_t needed_bytes, std::uint64_t memory_bytes);

  /// `the table, trials and their records and one gang of networks of 27 parameters need 5.0 KiB (5120 bytes)`
  [[nodiscard]] const std::string& need() const noexcept { return need_; }
  [[nodiscard]] std::uint64_t needed_bytes() const noexcept { return needed_bytes_; }
  /// Of them, what the gang's networks take.
  [[nodiscard]] std::uint64_t network_bytes() const noexcept { return network_bytes_; }

 private:
  GangTooLarge(std::string need, std::uint64_t network_bytes, std::uint64_t needed_bytes, std::uint64_t memory_bytes);

  std::string need_;
  std::uint64_t network_bytes_, needed_bytes_;
};

/// Divides gangs, in their order, into chunks whose predicted bytes stay within `memory_bytes`; `beside_bytes` of them
/// are taken whatever the chunk. GangTooLarge of the gang that needs most where one alone is too large.
[[nodiscard]] std::vector<Chunk> chunks(std::vector<FilledGang> gangs, const Engine& engine, std::uint64_t beside_bytes,
                                        std::uint64_t memory_bytes);

/// cohorts, gangs and chunks in one call. host_bytes: of the host's memory, taken by records and by trials that wait at
/// rungs; they count like the table.
[[nodiscard]] std::vector<Chunk> plan_window(std::span<const Trial> trials, std::span<const Leg> legs,
                                             const Dataset& dataset, const Engine& engine, std::uint64_t memory_bytes,
                                             std::uint64_t host_bytes = 0);

/// `3.2 GiB`.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace shoal::plan
