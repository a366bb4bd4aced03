#include "engine/cpu/cpu_engine.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/gang_ways.hpp"
#include "engine/cpu/lane_gang.hpp"
#include "engine/cpu/minibatch.hpp"
#include "engine/cpu/network_layout.hpp"
#include "engine/cpu/pass.hpp"
#include "engine/cpu/team_choice.hpp"
#include "engine/cpu/work_queue.hpp"
#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using cpu::CoreNetwork;
using cpu::LaneGang;
using cpu::LaneKernels;
using cpu::LaneLayout;
using cpu::LaneWorker;
using cpu::Minibatch;
using cpu::NetworkLayout;

const LaneKernels& lane_kernels_of(const cpu::Kernels& kernels) {
  const auto all = cpu::all_lane_kernels();
  const auto found = std::ranges::find(all, kernels.target, &LaneKernels::target);
  if (found == all.end()) throw Error("engine cpu: no lane kernels for target " + std::string(kernels.target));
  return *found;
}

/// What one thread trains with. Apart from the others' in memory.
struct alignas(128) Worker {
  Minibatch minibatch;
  LaneWorker lanes;
  std::vector<EpochRecord> records;  ///< of a call; its memory is for the next one, too
};

class CpuEngine final : public Engine {
 public:
  CpuEngine(const Dataset& dataset, const EngineOptions& options, const cpu::Kernels& kernels)
      : shared_{&dataset, options, {}},
        kernels_(&kernels),
        lane_kernels_(&lane_kernels_of(kernels)),
        ways_(dataset, options, *lane_kernels_, n_threads(options)) {
    for (std::uint32_t t = 0; t < n_threads(options); ++t) {
      workers_.push_back({Minibatch(dataset, kernels), LaneWorker(kernels, *lane_kernels_), {}});
    }
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "cpu"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return {}; }
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const override { return ways_.gang_size(key); }
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const override { return ways_.predictions(gang); }
  [[nodiscard]] std::vector<std::vector<Prediction>> predictions_together(std::span<const Gang> gangs) const override {
    std::vector<std::vector<Prediction>> all = Engine::predictions_together(gangs);
    ways_.predict_shared(gangs, all);
    return all;
  }
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    return sizeof(Where) + ways_.bytes_per_slot(gang);
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    return ways_.workspace_bytes(gangs);
  }

  void prepare(std::span<const Gang> gangs) override {
    where_.clear();
    cores_.clear();
    lanes_.clear();
    std::map<Topology, std::shared_ptr<const NetworkLayout>> core_layouts;
    std::map<Topology, std::shared_ptr<const LaneLayout>> lane_layouts;
    std::vector<GangKey> with_lanes;
    const std::vector<bool> is_mixed = add_mixed(gangs, with_lanes);
    for (const Gang& gang : gangs) {
      std::vector<Slot> slots;
      for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
        if (!is_mixed[slot]) slots.push_back(slot);
      }
      if (ways_.has_lanes(gang)) {
        with_lanes.push_back(gang.key);
        add_lanes(gang, made(lane_layouts, gang.key.topology), slots);
      } else {
        add_cores(gang, made(core_layouts, gang.key.topology), slots);
      }
    }
    tables_.prepare(*shared_.dataset, with_lanes);
  }

  [[nodiscard]] Slot company(const Gang& gang) const override {
    const Where where = where_.at(gang.first_slot);
    return where.has_lane ? lanes_.at(where.index).first_slot() : gang.first_slot;
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    const Where where = where_.at(slot);
    const bool keeps_best = where.has_lane ? lanes_.at(where.index).keeps_best() : cores_.at(where.index).keeps_best();
    if (has_patience(trial.hyperparameters) && !keeps_best) {
      throw Error("engine cpu: place " + std::to_string(slot) + " was not prepared to keep the best parameters");
    }
    if (where.has_lane) {
      lanes_[where.index].place(shared_, slot, trial, state);
    } else {
      cores_[where.index].place(shared_, trial, state);
    }
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    std::vector<TrainTarget> sorted(targets.begin(), targets.end());
    sort_by_place(sorted, [](const TrainTarget& target) { return target.slot; });
    std::vector<Task> tasks = tasks_of(sorted, [](const TrainTarget& target) { return target.slot; });
    for (Task& task : tasks) {
      const auto of_task = std::span(sorted).subspan(task.first, task.count);
      task.cost = task.where.has_lane ? lanes_[task.where.index].cost(shared_, of_task)
                                      : cores_[task.where.index].cost(shared_, of_task.front().epoch);
    }
    // Those that end last begin first, so that no thread waits long for another at the end.
    std::ranges::stable_sort(tasks, std::ranges::greater{}, &Task::cost);
    std::vector<Trained> trained(tasks.size());
    for (Worker& worker : workers_) worker.records.clear();
    const std::size_t n_divided = divided(tasks);
    for (std::size_t i = 0; i < n_divided; ++i) {
      Worker& worker = workers_.front();
      trained[i].begin(worker);
      train_core(cores_[tasks[i].where.index], sorted[tasks[i].first], team(), stop, worker.records, trained[i].lost);
      trained[i].end();
    }
    cpu::each_in_parallel(workers_, tasks.size() - n_divided, [&](std::size_t i, Worker& worker) {
      Trained& result = trained[n_divided + i];
      result.begin(worker);
      train_task(tasks[n_divided + i], sorted, worker, stop, result.lost);
      result.end();
    });
    for (const Trained& result : trained) {
      const std::span<const EpochRecord> of_task = result.records();
      records.insert(records.end(), of_task.begin(), of_task.end());
      lost.insert(lost.end(), result.lost.begin(), result.lost.end());
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet rows) override {
    std::vector<std::size_t> order(slots.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    sort_by_place(order, [&](std::size_t i) { return slots[i]; });
    std::vector<Slot> sorted;
    for (const std::size_t i : order) sorted.push_back(slots[i]);
    const std::vector<Task> tasks = tasks_of(sorted, [](Slot slot) { return slot; });
    std::vector<MetricSums> sums(slots.size());
    cpu::each_in_parallel(workers_, tasks.size(), [&](std::size_t t, Worker& worker) {
      const Task& task = tasks[t];
      const auto of_task = std::span(sorted).subspan(task.first, task.count);
      std::vector<MetricSums> found;
      if (task.where.has_lane) {
        found = measure_lanes(lanes_[task.where.index], of_task, worker, rows);
      } else {
        const MetricSums all = cores_[task.where.index].measure(shared_, worker.minibatch, rows, std::nullopt);
        found.assign(task.count, all);
      }
      for (std::size_t i = 0; i < task.count; ++i) sums[order[task.first + i]] = std::move(found[i]);
    });
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    const Where where = occupied(slot);
    return where.has_lane ? lanes_[where.index].read(slot) : cores_[where.index].read();
  }

  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    const Where where = where_[slot];
    if (where.has_lane) {
      lanes_[where.index].free(slot);
    } else {
      cores_[where.index].free();
    }
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    return cpu::predict(workers_.front().minibatch, trial, parameters, inputs);
  }
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    return cpu::pass(*shared_.dataset, workers_.front().minibatch, trial, parameters, rows);
  }

 private:
  /// Of a place: a network of cores_, or a gang of lanes_.
  struct Where {
    std::uint32_t index = 0;
    bool has_lane = false;
    friend auto operator<=>(const Where&, const Where&) = default;
  };
  /// What one thread does at a time: the places [first, first + count) of a sorted list, which are a vector's or one.
  struct Task {
    Where where;
    std::size_t first = 0, count = 0;
    double cost = 0;
  };
  /// What came of a task: some of a worker's records.
  struct Trained {
    std::vector<Slot> lost;

    void begin(const Worker& by) {
      worker_ = &by;
      first_ = by.records.size();
    }
    void end() { count_ = worker_->records.size() - first_; }
    [[nodiscard]] std::span<const EpochRecord> records() const {
      return std::span(worker_->records).subspan(first_, count_);
    }

   private:
    const Worker* worker_ = nullptr;
    std::size_t first_ = 0, count_ = 0;
  };

  static std::uint32_t n_threads(const EngineOptions& options) {
    return options.n_threads == 0 ? std::max(1U, std::thread::hardware_concurrency()) : options.n_threads;
  }
  template <class Layout>
  static std::shared_ptr<const Layout> made(std::map<Topology, std::shared_ptr<const Layout>>& layouts,
                                            const Topology& topology) {
    std::shared_ptr<const Layout>& layout = layouts[topology];
    if (!layout) layout = std::make_shared<const Layout>(topology);
    return layout;
  }

  /// Places that fill no vector of their own gang share one where that pays. Says of every place whether it does.
  std::vector<bool> add_mixed(std::span<const Gang> gangs, std::vector<GangKey>& with_lanes) {
    for (const Gang& gang : gangs) {
      if (where_.size() < gang.first_slot + gang.n_slots) where_.resize(gang.first_slot + gang.n_slots);
    }
    std::vector<bool> is_mixed(where_.size());
    for (cpu::MixedVector& vector : ways_.mixed_vectors(gangs)) {
      for (const Slot slot : vector.slots) is_mixed[slot] = true;
      with_lanes.push_back(vector.gang.key);
      add_vector(std::make_shared<const LaneLayout>(vector.topologies, lane_kernels_->n_lanes), vector.gang,
                 std::move(vector.slots));
    }
    return is_mixed;
  }

  void add_vector(const std::shared_ptr<const LaneLayout>& layout, const Gang& gang, std::vector<Slot> slots) {
    for (const Slot slot : slots) where_[slot] = {static_cast<std::uint32_t>(lanes_.size()), true};
    lanes_.emplace_back(layout, gang, std::move(slots), *lane_kernels_);
  }

  void add_lanes(const Gang& gang, const std::shared_ptr<const LaneLayout>& layout, std::span<const Slot> slots) {
    while (!slots.empty()) {
      const auto of_vector = slots.first(std::min(lane_kernels_->n_lanes, slots.size()));
      add_vector(layout, gang, {of_vector.begin(), of_vector.end()});
      slots = slots.subspan(of_vector.size());
    }
  }

  void add_cores(const Gang& gang, const std::shared_ptr<const NetworkLayout>& layout, std::span<const Slot> slots) {
    for (const Slot slot : slots) {
      where_[slot] = {static_cast<std::uint32_t>(cores_.size()), false};
      cores_.emplace_back(layout, gang);
    }
  }

  [[nodiscard]] Where occupied(Slot slot) const {
    const Where where = where_.at(slot);
    const bool is_occupied =
        where.has_lane ? lanes_.at(where.index).is_occupied(slot) : cores_.at(where.index).is_occupied();
    if (!is_occupied) throw Error("engine cpu: there is no network at place " + std::to_string(slot));
    return where;
  }

  /// Places of a vector side by side, in ascending order.
  template <class Item, class SlotOf>
  void sort_by_place(std::vector<Item>& items, SlotOf slot_of) const {
    const auto place = [&](const Item& item) { return std::pair(occupied(slot_of(item)), slot_of(item)); };
    if (!std::ranges::is_sorted(items, {}, place)) std::ranges::sort(items, {}, place);
  }

  /// Divides a list that is sorted by places.
  template <class Item, class SlotOf>
  [[nodiscard]] std::vector<Task> tasks_of(const std::vector<Item>& sorted, SlotOf slot_of) const {
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const Where where = occupied(slot_of(sorted[i]));
      if (tasks.empty() || tasks.back().where != where) tasks.push_back({where, i, 0});
      ++tasks.back().count;
    }
    return tasks;
  }

  /// How many of the tasks, longest first, are for the team.
  [[nodiscard]] std::size_t divided(std::span<const Task> tasks) const {
    std::vector<cpu::Share> shares;
    for (const Task& task : tasks) {
      shares.push_back({task.cost, !task.where.has_lane && cores_[task.where.index].is_divisible(shared_)});
    }
    return cpu::n_divided(shares, workers_.size());
  }

  Minibatch& team() {
    if (!team_) team_.emplace(*shared_.dataset, *kernels_, workers_.size());
    return *team_;
  }

  void train_core(CoreNetwork& network, const TrainTarget& target, Minibatch& minibatch, const std::stop_token& stop,
                  std::vector<EpochRecord>& records, std::vector<Slot>& lost) {
    if (network.train(shared_, target, minibatch, stop, records)) return;
    network.free();
    lost.push_back(target.slot);
  }

  void train_task(const Task& task, std::span<const TrainTarget> sorted, Worker& worker, const std::stop_token& stop,
                  std::vector<Slot>& lost) {
    const auto targets = sorted.subspan(task.first, task.count);
    if (!task.where.has_lane) {
      CoreNetwork& network = cores_[task.where.index];
      return train_core(network, targets.front(), worker.minibatch, stop, worker.records, lost);
    }
    LaneGang& gang = lanes_[task.where.index];
    std::vector<Slot> live;
    for (const TrainTarget& target : targets) {
      if (gang.has_work(target)) live.push_back(target.slot);
    }
    if (are_lanes_sooner(gang, live, gang.n_epochs_apart(live))) {
      gang.train(shared_, tables_, targets, worker.lanes, stop, worker.records);
    } else {
      for (const TrainTarget& target : targets) train_alone(gang, target, worker, stop, lost);
    }
  }

  /// n_times: passes of the vector that it takes.
  [[nodiscard]] bool are_lanes_sooner(const LaneGang& gang, std::span<const Slot> slots, std::size_t n_times) const {
    std::vector<const Topology*> topologies;
    for (const Slot slot : slots) topologies.push_back(&gang.trial(slot).topology);
    return ways_.is_vector_sooner(gang.key(), topologies, n_times);
  }

  /// A lane's network as a core trains it.
  [[nodiscard]] CoreNetwork alone(const LaneGang& gang, Slot slot) {
    const Trial& trial = gang.trial(slot);
    CoreNetwork network(std::make_shared<const NetworkLayout>(trial.topology),
                        {.key = gang_key(trial), .n_slots = 1, .keeps_best = gang.keeps_best()});
    network.place(shared_, trial, gang.read(slot));
    return network;
  }

  [[nodiscard]] std::vector<MetricSums> measure_lanes(LaneGang& gang, std::span<const Slot> slots, Worker& worker,
                                                      RowSet rows) {
    if (are_lanes_sooner(gang, slots, 1)) return gang.measure(shared_, tables_, slots, worker.lanes, rows);
    std::vector<MetricSums> sums;
    for (const Slot slot : slots) {
      CoreNetwork network = alone(gang, slot);
      sums.push_back(network.measure(shared_, worker.minibatch, rows, std::nullopt));
    }
    return sums;
  }

  void train_alone(LaneGang& gang, const TrainTarget& target, Worker& worker, const std::stop_token& stop,
                   std::vector<Slot>& lost) {
    if (!gang.has_work(target)) return;
    const Trial trial = gang.trial(target.slot);
    CoreNetwork network = alone(gang, target.slot);
    if (network.train(shared_, target, worker.minibatch, stop, worker.records)) {
      gang.place(shared_, target.slot, trial, network.read());
    } else {
      gang.free(target.slot);
      lost.push_back(target.slot);
    }
  }

  cpu::Shared shared_;
  const cpu::Kernels* kernels_;
  const LaneKernels* lane_kernels_;
  cpu::GangWays ways_;
  std::vector<Worker> workers_;
  std::optional<Minibatch> team_;  ///< of all workers' threads, from the first network on that they divide
  std::vector<Where> where_;
  std::vector<CoreNetwork> cores_;
  std::vector<LaneGang> lanes_;
  cpu::LaneTables tables_;
};

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(const Dataset& dataset, const EngineOptions& options,
                                        const cpu::Kernels& kernels) {
  return std::make_unique<CpuEngine>(dataset, options, kernels);
}

EngineInfo cpu_engine_info() {
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  return {"cpu",
          true,
          std::string(cpu::kernels().target) + ", " + std::to_string(cores) + (cores == 1 ? " core" : " cores"),
          {Precision::strict}};
}

}  // namespace shoal
