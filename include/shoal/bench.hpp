#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "shoal/network.hpp"
#include "shoal/sweep.hpp"

namespace shoal {

/// What the bench is doing.
struct BenchProgress {
  std::string workload;
  std::string step;          ///< `checking`, `training`
  std::uint32_t n_done = 0;  ///< runs of this workload that are timed
  std::uint32_t n_runs = 0;  ///< that there will be at most
};

struct BenchOptions {
  std::vector<std::string> workloads;  ///< of bench_workload_names(); empty: all
  std::string engine = "cpu";
  Precision precision = Precision::strict;
  std::uint32_t n_threads = 0;               ///< of engine cpu, and of the peak beside it; 0: one a core
  std::uint32_t n_networks = 0, n_rows = 0;  ///< instead of a workload's own numbers; 0: those
  std::uint32_t n_repetitions = 7;           ///< runs a workload
  double seconds = std::numeric_limits<double>::infinity();  ///< no run of a workload begins after these, but one does
  std::uint64_t memory_bytes = 0;                            ///< EngineOptions'
  std::stop_token stop{};                                    ///< when requested: returns what is done within 2 s or so
  std::function<void(const BenchProgress&)> on_progress{};   ///< from the calling thread; may be empty
};

/// What training one network on one row takes: the mean over a workload's networks.
struct BenchWork {
  /// 2 a multiply-add of the products: forwards, of the gradient, and backwards through every layer but the first.
  /// Nothing below is in it.
  double flops = 0;
  double bias_additions = 0;                               ///< forwards, and to the gradient
  std::vector<std::pair<Activation, double>> activations;  ///< units of hidden layers of each kind, without identity
  double exponentials = 0;                                 ///< of activations and of the softmax
  double updates = 0;                                      ///< parameters that a minibatch's step updates
};

/// One thing that was compared before anything was timed.
struct BenchCheck {
  std::string rule;
  std::uint64_t n_networks = 0;  ///< compared
  std::uint64_t n_wrong = 0;
  double worst_error = 0;
  double tolerance = 0;  ///< of that error; 0 where bits must be equal
};

/// Of repeated runs.
struct BenchSpread {
  double median = 0, lowest = 0, highest = 0;
};

/// One workload: networks that are trained over one synthetic table. With `skipped` or a check that failed there are no
/// times.
struct BenchResult {
  std::string workload;
  std::uint32_t n_networks = 0, n_rows = 0, n_epochs = 0, batch_size = 0;
  BenchWork work;
  std::string skipped{};  ///< why the engine trains no such networks; empty: it does
  std::vector<BenchCheck> checks{};
  std::uint32_t n_repetitions = 0;                    ///< runs timed; 0: none
  BenchSpread samples_per_s{};                        ///< network-samples, by the wall clock with all copies
  std::optional<BenchSpread> kernel_samples_per_s{};  ///< by a GPU's own clock, its kernels alone
  double place_s = 0;                                 ///< median, to put untrained networks into the engine; not timed
  std::optional<double> peak_flops{};                 ///< of a second; cpu: the highest of the probes around the runs
  std::string peak_is{};                              ///< how the peak was found, or why there is none

  [[nodiscard]] bool ok() const {
    return std::ranges::all_of(checks, [](const BenchCheck& check) { return check.n_wrong == 0; });
  }
  /// Of samples_per_s' median.
  [[nodiscard]] double flops_per_s() const { return samples_per_s.median * work.flops; }
  /// The part of the peak that matrix products alone take; empty without a peak.
  [[nodiscard]] std::optional<double> share_of_peak() const {
    return peak_flops ? std::optional(flops_per_s() / *peak_flops) : std::nullopt;
  }
};

struct BenchReport {
  std::string engine;
  std::string device;  ///< what the engine runs on: EngineInfo's detail
  std::string cpu;     ///< the processor's name; empty where the machine does not say
  std::uint32_t n_threads = 0;
  Precision precision = Precision::strict;
  std::vector<BenchResult> workloads{};
  bool interrupted = false;  ///< the last of them may lack runs
};

/// Names of the workloads, the smallest networks first.
[[nodiscard]] std::vector<std::string> bench_workload_names();

/// Trains each workload some times, its results checked first: against networks that engine cpu trains alone, bit for
/// bit in strict precision, and these against the reference. Sizes are those for a CPU or for a GPU, whichever the
/// engine runs on. Throws InputError for an unknown workload, UnavailableError for an engine that is unknown or cannot
/// run here.
[[nodiscard]] BenchReport run_bench(const BenchOptions& options);

}  // namespace shoal
