#include "bench/engine/export.hpp"

#include <algorithm>
#include <bit>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal::bench {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written as they lie in memory");

constexpr std::uint32_t kFirstSteps = 5;
constexpr std::uint32_t kFirstNetworks = 300;

class Array {
 public:
  explicit Array(const std::filesystem::path& file) : file_(file), out_(file, std::ios::binary) {}
  template <class T>
  void write(const std::vector<T>& values) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
    if (!out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
      throw Error("cannot write " + file_.string());
    }
  }

 private:
  std::filesystem::path file_;
  std::ofstream out_;
};

/// The table's `rows` alone, in that order.
Dataset gathered(const Dataset& data, std::span<const std::uint32_t> rows) {
  Dataset some = data;
  some.n_rows = rows.size();
  some.inputs.clear();
  some.labels.clear();
  some.targets.clear();
  for (const std::uint32_t row : rows) {
    some.inputs.insert(some.inputs.end(), data.row(row).begin(), data.row(row).end());
    if (!data.labels.empty()) some.labels.push_back(data.labels[row]);
    if (!data.targets.empty()) some.targets.push_back(data.targets[row]);
  }
  some.splits[0].training.resize(rows.size());
  std::iota(some.splits[0].training.begin(), some.splits[0].training.end(), 0U);
  return some;
}

/// Parameters of the first networks after an epoch over `rows` of the table, in that order.
void write_after(const Workload& workload, const Dataset& data, std::span<const std::uint32_t> rows,
                 std::uint32_t n_networks, Array file) {
  const Dataset first_rows = gathered(data, rows);
  const std::unique_ptr<Engine> engine = make_engine("cpu", first_rows, {.metric = Metric::train_loss});
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t number = 0; number < n_networks; ++number) {
    Trial network = trial(workload, number);
    network.hyperparameters.shuffle = Shuffle::none;
    const Gang gang{gang_key(network), 0, 1};
    engine->prepare(std::span(&gang, 1));
    engine->place(0, network, initial_state(network));
    const TrainTarget target{0, 1};
    engine->train(std::span(&target, 1), {}, records, lost);
    file.write(engine->read(0).parameters);
  }
}

/// The rule of a solver, and its constants.
nlohmann::ordered_json updates(const Workload& workload) {
  if (workload.solver == Solver::sgd) return {{"rule", "w -= rate g"}};
  const Hyperparameters h = trial(workload, 0).hyperparameters;
  return {{"rule",
           "m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)"},
          {"b1", h.beta_1},
          {"b2", h.beta_2},
          {"eps", h.epsilon}};
}

}  // namespace

void export_workload(const Workload& workload, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const Dataset data = table(workload);
  Array(folder / "inputs.f32").write(data.inputs);
  const bool has_classes = data.task() == Task::classification;
  if (has_classes) {
    Array(folder / "targets.i32").write(data.labels);
  } else {
    Array(folder / "targets.f32").write(data.targets);
  }
  const std::vector<std::uint32_t> order = epoch_order(trial(workload, 0), workload.size.n_rows, 0);
  Array(folder / "order.u32").write(order);
  Array parameters(folder / "parameters.f32");
  std::vector<float> rates;
  for (std::uint32_t number = 0; number < workload.size.n_networks; ++number) {
    const Trial network = trial(workload, number);
    rates.push_back(epoch_rate(network, workload.size.n_rows, 0));
    parameters.write(initial_state(network).parameters);
  }
  Array(folder / "rates.f32").write(rates);

  const std::uint32_t batch = rows_in_minibatch(trial(workload, 0), workload.size.n_rows);
  const std::uint32_t n_steps = std::min(kFirstSteps, workload.size.n_rows / batch);
  const std::uint32_t n_first = std::min(kFirstNetworks, workload.size.n_networks);
  write_after(workload, data, std::span(order).first(std::size_t{n_steps} * batch), n_first,
              Array(folder / "after.f32"));

  nlohmann::ordered_json kinds = nlohmann::ordered_json::array();
  for (const Kind& kind : workload.kinds) {
    kinds.push_back({{"hidden_layer_sizes", kind.hidden_layer_sizes}, {"activation", name(kind.activation)}});
  }
  const nlohmann::ordered_json manifest{
      {"workload", workload.name},
      {"loss", name(workload.loss)},
      {"objective", "the mean over a minibatch's rows; squared_error without 1/2"},
      {"solver", name(workload.solver)},
      {"update", updates(workload)},
      {"networks", workload.size.n_networks},
      {"rows", workload.size.n_rows},
      {"batch_size", batch},
      {"n_inputs", workload.n_inputs},
      {"n_outputs", workload.n_outputs},
      {"kind_of_network", "kinds[i mod their number]"},
      {"kinds", kinds},
      {"after", {{"networks", n_first}, {"minibatches", n_steps}}},
      {"files",
       {{"inputs.f32", "[rows, n_inputs]"},
        {has_classes ? "targets.i32" : "targets.f32", has_classes ? "[rows], the class" : "[rows, n_outputs]"},
        {"order.u32", "[rows]: the rows of minibatch b are order[b * batch_size : (b + 1) * batch_size]"},
        {"rates.f32", "[networks]"},
        {"parameters.f32",
         "network by network, layer by layer: [W | b], row-major, fan_out rows of fan_in + 1, the bias last; z = W a + "
         "b"},
        {"after.f32", "as parameters.f32, of the first after.networks after the first after.minibatches"}}}};
  std::ofstream(folder / "manifest.json") << manifest.dump(1) << '\n';
}

}  // namespace shoal::bench
