#include "run/job.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>

#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr double kShareOfFreeMemory = 0.8;

/// A number from a one-line file of the kernel; empty for `max` or where there is none.
std::optional<std::uint64_t> number_in(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

EngineOptions options_of(const SweepSpec& spec) {
  return {spec.trainer.precision, spec.trainer.threads, spec.metric, spec.maximize};
}

/// The reason why `engine` cannot train some trial; empty if it can train all.
std::string refusal(const Engine& engine, const Trials& trials) {
  for (std::uint64_t number = 0; number < trials.size(); ++number) {
    const Trial trial = trials.at(number);
    std::string reason = engine.why_not(trial);
    if (!reason.empty()) return fmt::format("trial {} ({}): {}", trial.id, text(trial.topology), reason);
  }
  return {};
}

void choose_engine(Job& job) {
  const EngineOptions options = options_of(job.spec);
  const std::string& wanted = job.spec.trainer.engine;
  if (wanted != "auto") {
    job.engine = make_engine(wanted, job.dataset, options);
    job.engine_reason = "asked for";
    const std::string reason = refusal(*job.engine, job.trials);
    if (!reason.empty()) throw UnavailableError(fmt::format("engine {} cannot train this sweep: {}", wanted, reason));
    return;
  }
  job.engine = make_engine("auto", job.dataset, options);
  job.engine_reason = "auto: the fastest strict engine of this machine";
  if (job.engine->name() == "cpu") return;
  const std::string reason = refusal(*job.engine, job.trials);
  if (reason.empty()) return;
  job.engine_reason = fmt::format("auto: {} cannot train {}", job.engine->name(), reason);
  job.engine = make_engine("cpu", job.dataset, options);
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t available = std::numeric_limits<std::uint64_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %llu kB", &kib) == 1) available = kib * 1024ULL;
  }
  const auto group_limit = number_in("/sys/fs/cgroup/memory.max");
  const auto group_used = number_in("/sys/fs/cgroup/memory.current");
  if (group_limit && group_used) available = std::min(available, *group_limit - std::min(*group_limit, *group_used));
  return available;
}

std::string text(const Topology& topology) {
  std::string out = std::to_string(topology.n_inputs);
  for (const std::int32_t size : topology.hidden_layer_sizes) out += fmt::format("-{}", size);
  out += fmt::format("-{}", topology.n_outputs);
  for (std::size_t l = 0; l < topology.activations.size(); ++l) {
    const bool repeated =
        std::ranges::all_of(topology.activations, [&](Activation a) { return a == topology.activations[0]; });
    if (repeated && l > 0) break;
    out += fmt::format("{} {}", l == 0 ? "" : ",", name(topology.activations[l]));
  }
  return out;
}

std::unique_ptr<Job> make_job(const SweepSpec& spec) {
  Dataset dataset = load_dataset(spec.data, spec.trainer.seed);
  Trials trials(spec, shape_of(dataset));
  auto job = std::unique_ptr<Job>(new Job{spec, std::move(dataset), std::move(trials), {}, nullptr, 0});
  job->memory_bytes = spec.trainer.memory_bytes;
  if (job->memory_bytes == 0) {
    job->memory_bytes = static_cast<std::uint64_t>(kShareOfFreeMemory * static_cast<double>(available_memory()));
  }
  choose_engine(*job);
  return job;
}

std::vector<std::uint64_t> Job::window(std::uint64_t first) const {
  std::vector<std::uint64_t> numbers(std::min(kWindow, trials.size() - first));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

std::vector<Chunk> Job::chunks(const std::vector<Cohort>& cohorts) const {
  const std::uint64_t table = dataset_bytes(dataset);
  if (table >= memory_bytes) {
    throw Error(fmt::format("trainer.memory: the table alone takes {:.1f} MiB, the limit is {:.1f} MiB",
                            static_cast<double>(table) / 0x1p20, static_cast<double>(memory_bytes) / 0x1p20));
  }
  return divide_into_chunks(cohorts, *engine, memory_bytes - table);
}

PlanSummary summarize(const Job& job) {
  PlanSummary plan;
  plan.engine = job.engine->name();
  plan.engine_reason = job.engine_reason;
  plan.precision = job.spec.trainer.precision;
  plan.n_settings = job.trials.n_settings();
  plan.n_trials = job.trials.size();
  plan.n_merged = job.trials.n_merged();
  plan.dropped_parameters = job.trials.dropped_parameters();
  plan.notes = job.dataset.notes;
  plan.memory_bytes = job.memory_bytes;
  const std::uint64_t table = dataset_bytes(job.dataset);
  std::map<Topology, PlanRow> rows;
  for (std::uint64_t first = 0; first < job.trials.size(); first += Job::kWindow) {
    const std::vector<Cohort> cohorts = group_into_cohorts(job.window(first), job.trials, job.dataset);
    for (const Cohort& cohort : cohorts) {
      PlanRow& row = rows[cohort.key.topology];
      const std::uint64_t gang_size = std::max(1U, job.engine->gang_size(cohort.key));
      const std::uint64_t n_gangs = (cohort.trials.size() + gang_size - 1) / gang_size;
      row.n_trials += cohort.trials.size();
      row.n_gangs += n_gangs;
      row.bytes += n_gangs * gang_size * job.engine->bytes_per_slot({cohort.key, 0, 1, cohort.keeps_best});
      row.kernel = gang_size > 1 ? "thread_per_network" : "core_per_network";
      const std::uint64_t n_rows = job.dataset.splits.at(cohort.key.fold).training.size();
      for (const std::uint64_t number : cohort.trials) {
        plan.network_samples += n_rows * static_cast<std::uint64_t>(job.trials.at(number).hyperparameters.max_iter);
      }
    }
    for (const Chunk& chunk : job.chunks(cohorts)) {
      ++plan.n_chunks;
      plan.predicted_bytes = std::max(plan.predicted_bytes, table + chunk.bytes);
    }
  }
  for (auto& [topology, row] : rows) {
    row.topology = text(topology);
    row.n_parameters = topology.n_parameters();
    plan.rows.push_back(std::move(row));
  }
  return plan;
}

}  // namespace shoal
