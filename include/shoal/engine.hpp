#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/costs.hpp"
#include "shoal/data.hpp"
#include "shoal/metric.hpp"
#include "shoal/sweep.hpp"
#include "shoal/trial.hpp"

namespace shoal {

/// A place for one network in an engine.
using Slot = std::uint32_t;

/// What the places of a gang share. Slots of one gang run in lockstep: the lanes of a vector, the threads of a block.
struct GangKey {
  Topology topology;
  Loss loss = Loss::squared_error;
  Solver solver = Solver::sgd;
  std::uint32_t fold = 0;
  std::int32_t batch_size = 0;
  Shuffle shuffle = Shuffle::shared;
  std::uint64_t shuffle_seed = 0;
  bool plain = true;  ///< no l1, clip_norm, dropout, layer_rate, class weights nor adaptive rate

  friend bool operator==(const GangKey&, const GangKey&) = default;
  friend auto operator<=>(const GangKey&, const GangKey&) = default;
};
[[nodiscard]] GangKey gang_key(const Trial& trial);

/// `n_slots` consecutive places from `first_slot` that have one key. Places that no trial takes stay masked.
struct Gang {
  GangKey key;
  Slot first_slot = 0;
  std::uint32_t n_slots = 0;
  bool keeps_best = false;   ///< some member has patience, so places hold the best parameters as well
  bool has_dropout = false;  ///< some member drops units, so the workspace holds what was dropped
  /// Networks that are planned together with these, which count: the machine is theirs as well. 0: it is alone.
  std::uint64_t n_company = 0;
  std::uint32_t first_epoch = 0;  ///< those that its members have trained already
  std::uint32_t n_epochs = 0;     ///< that one of its members has to train at most; 0: not known
};

/// What training a gang by one kernel is predicted to take, in seconds.
struct Prediction {
  std::string_view kernel;  ///< for people: `core_per_network`
  double epoch_s = 0;       ///< of an epoch: of the whole machine, were it busy with others as well
  double alone_s = 0;       ///< of an epoch: at least, were it free
  double place_s = 0;       ///< once: to place its networks and to take them out
  bool is_shared = false;   ///< alone_s is that of other gangs too, which share instructions
};

/// Train the network at `slot` until `epoch` epochs are done in all, or it stops by itself.
struct TrainTarget {
  Slot slot = 0;
  std::uint32_t epoch = 0;
};

/// Raw sums of one epoch of one network. Losses in scaled units, weighted by the rows' weights.
struct EpochRecord {
  Slot slot = 0;
  std::uint32_t epoch = 0;  ///< 1-based
  double train_loss = 0;    ///< sum of row losses, each taken before the step its minibatch made
  double train_weight = 0;
  double val_loss = 0;  ///< after the epoch
  double val_weight = 0;
  double metric = 0;  ///< the value of EngineOptions::metric after the epoch
};

/// One forward and backward pass over given rows, nothing updated. Strict engines give their exact floats.
struct Pass {
  double loss = 0;                     ///< mean over the rows, penalties not counted
  std::vector<std::vector<double>> z;  ///< a layer: [rows, fan_out], before the activation
  std::vector<std::vector<double>> a;  ///< a layer: [rows, fan_out], after it
  std::vector<double> gradient;        ///< of loss + penalties, canonical order; before clipping
};

/// The rows on which evaluate() works.
enum class RowSet : std::uint8_t { validation, test };

struct EngineOptions {
  Precision precision = Precision::strict;
  std::uint32_t n_threads = 0;       ///< 0: one a core
  Metric metric = Metric::val_loss;  ///< what patience watches and EpochRecord::metric holds
  bool maximize = false;
  std::uint64_t memory_bytes = 0;  ///< of its device that a GPU engine may take; 0: what is free
  Costs costs = {};                ///< which kernel trains a gang follows from them
};

/// Trains networks in places. Knows nothing of files, search or ranking. Results do not depend on which places, gangs
/// or calls a trial's epochs were spread over (strict precision). One thread calls it.
class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Why this engine cannot train networks of this trial's kind; empty if it can.
  [[nodiscard]] virtual std::string why_not(const Trial& trial) const = 0;
  /// Places that make a full gang for this key: 1 where networks run alone.
  [[nodiscard]] virtual std::uint32_t gang_size(const GangKey& key) const = 0;
  /// What every kernel that could train this gang is predicted to take; the first one does.
  [[nodiscard]] virtual std::vector<Prediction> predictions(const Gang& gang) const = 0;
  /// The same of gangs that are prepared together, some of which may share instructions.
  [[nodiscard]] virtual std::vector<std::vector<Prediction>> predictions_together(std::span<const Gang> gangs) const {
    std::vector<std::vector<Prediction>> all;
    for (const Gang& gang : gangs) all.push_back(predictions(gang));
    return all;
  }
  /// How this gang is trained.
  [[nodiscard]] std::string_view kernel(const Gang& gang) const { return predictions(gang).front().kernel; }
  /// What a person should know of how networks were trained, though no result depends on it.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  /// Bytes that prepare() takes for one place of this gang, and for the engine's workspace whatever the gangs.
  [[nodiscard]] virtual std::uint64_t bytes_per_slot(const Gang& gang) const = 0;
  [[nodiscard]] virtual std::uint64_t workspace_bytes(std::span<const Gang> gangs) const = 0;
  /// Where these bytes are a device's: how many of its bytes were free when the engine was made. The workspace then
  /// holds the engine's own copy of the dataset, and the host's memory another of the places. Empty: they are the
  /// host's.
  [[nodiscard]] virtual std::optional<std::uint64_t> device_bytes() const { return std::nullopt; }

  /// Allocates the places of these gangs; what was placed before is gone. Nothing below allocates in the long run.
  /// OutOfMemoryError where the memory for them is not there: it may be called again with fewer.
  virtual void prepare(std::span<const Gang> gangs) = 0;
  /// Of a gang that is prepared: the first place of those gangs that share instructions with it, so that one call had
  /// better train all of them.
  [[nodiscard]] virtual Slot company(const Gang& gang) const { return gang.first_slot; }
  /// Puts a trial at a place of a gang with its key, with the state it had (initial_state() for a new one).
  virtual void place(Slot slot, const Trial& trial, const TrialState& state) = 0;
  /// Trains. Appends one record an epoch and network to `records`: of one network in order of epochs. What is decided
  /// at an epoch (validation, patience, best parameters, divergence; docs/numerics.md) is decided here. When `stop` is
  /// requested it returns within a second or so; networks in the middle of an epoch are then lost: their slots are
  /// empty and in `lost`.
  virtual void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
                     std::vector<Slot>& lost) = 0;
  /// All sums of the networks at `slots`, with their current parameters (the best ones where patience is on and
  /// training has ended).
  [[nodiscard]] virtual std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet rows) = 0;
  [[nodiscard]] virtual TrialState read(Slot slot) const = 0;
  /// read() and free the place.
  virtual TrialState take(Slot slot) = 0;
  /// Outputs of a network after the loss's softmax or sigmoid, [rows, n_outputs], scaled units in regression.
  /// inputs: [rows, n_inputs], already scaled.
  [[nodiscard]] virtual std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                                   std::span<const float> inputs) = 0;
  /// One pass over rows of the dataset, scaled as the trial's split says. For checking, not for speed.
  [[nodiscard]] virtual Pass pass(const Trial& trial, std::span<const float> parameters,
                                  std::span<const std::uint32_t> rows) = 0;
};

/// Whether a kernel's code for sm_90a, as it is compiled here, is what the checks on a GPU ran (bench/evidence).
enum class Evidence : std::uint8_t { none, older, current };

/// A kernel of this build, all its template instances together. Older where any of them is.
struct KernelEvidence {
  std::string kernel;
  Evidence evidence = Evidence::none;
  std::string gpu, date;  ///< of the newest checks that passed, empty where there are none
};

/// An engine of this build and whether this machine can run it.
struct EngineInfo {
  std::string name;
  bool available = false;
  std::string detail;  ///< what it runs on (`AVX-512, 2 threads`), or why it is not available
  std::vector<Precision> precisions;
  std::vector<KernelEvidence> kernels = {};  ///< of an engine that runs on a GPU
  bool on_gpu = false;
  double peak_fp32_flops = 0;  ///< of a second, without tensor cores: units x 2 x highest clock; 0: not known
};
[[nodiscard]] std::vector<EngineInfo> engines();

/// An engine by name (`reference`, `cpu`, `cuda`, `cublas`; `auto` picks by the precision, `cpu` for strict) over a
/// dataset that outlives it. Throws UnavailableError that says why where the machine cannot run it.
[[nodiscard]] std::unique_ptr<Engine> make_engine(std::string_view name, const Dataset& dataset,
                                                  const EngineOptions& options);

/// The state before the first epoch: the trial's `start`, or parameters drawn from its seed.
[[nodiscard]] TrialState initial_state(const Trial& trial);

}  // namespace shoal
