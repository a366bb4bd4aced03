#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/cuda/blas.hpp"
#include "engine/cuda/cohort_shape.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/mirror.hpp"
#include "engine/cuda/relu_layers.hpp"
#include "engine/cuda/strict_passes.hpp"
#include "engine/cuda/survivors.hpp"
#include "kernels/cuda/cohort.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// What all networks of a cohort share.
struct CohortKey {
  std::size_t n_layers = 0;
  std::uint32_t fold = 0;
  std::int32_t batch_size = 0;
  Shuffle shuffle = Shuffle::shared;
  std::uint64_t shuffle_seed = 0;

  auto operator<=>(const CohortKey&) const = default;
};
[[nodiscard]] CohortKey cohort_key(const GangKey& key);

/// What a cohort is made for.
struct CohortPlan {
  CohortKey key;
  std::vector<GangKey> members;   ///< one a network
  std::uint32_t most_rows = 0;    ///< at a time
  std::uint32_t most_epochs = 0;  ///< handed to the device at a time
  bool keeps_best = false, has_dropout = false, has_second_moment = false;
  bool clips = false;  ///< some member may clip its gradient
  /// The network is alone and its passes serve training: products may apply ReLU (ReluLayers), and not all that a pass
  /// computes is in memory then.
  bool fuses_relu = false;
  bool is_strict = false;  ///< products and sums are in strict order
  WatchedMetric metric = WatchedMetric::val_loss;

  void add(const Gang& gang);
  /// Parameter vectors of a network: weights, first moment, and those that not every cohort has.
  [[nodiscard]] std::uint64_t n_vectors() const { return 2U + (has_second_moment ? 1U : 0U) + (keeps_best ? 1U : 0U); }
};
/// The most outputs that one of its networks has.
[[nodiscard]] std::uint32_t largest_outputs(const CohortPlan& plan);
/// Device bytes of one network of a cohort, whatever its company, and of what its networks share.
template <class T>
[[nodiscard]] std::uint64_t network_bytes(const CohortShape& shape, const CohortPlan& plan);
template <class T>
[[nodiscard]] std::uint64_t shared_bytes(const CohortPlan& plan, std::uint32_t n_inputs, std::uint64_t n_training);

/// The networks of a cohort on the device, and the passes that kernels and products make over all of them. T: as in
/// CohortTask.
template <class T>
class Cohort {
 public:
  /// Allocates everything. blas: null in strict order. All but `plan` outlive it.
  Cohort(CohortPlan plan, DeviceTable& table, const Blas* blas, const Stream& stream);

  [[nodiscard]] const CohortPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const CohortTask<T>& task() const noexcept { return task_; }
  [[nodiscard]] const CohortShape& shape(std::uint32_t member) const { return *networks_[place_[member]].shape; }
  /// The member's offsets into the task's arrays: its room.
  [[nodiscard]] const CohortNetwork& network(std::uint32_t member) const { return host_networks_[place_[member]]; }
  /// Its position among the networks of the task's arrays. Those that run are the first n_running().
  [[nodiscard]] std::uint32_t place(std::uint32_t member) const { return place_[member]; }
  [[nodiscard]] std::uint32_t n_running() const noexcept { return n_running_; }

  /// Parameter vectors of a member, canonical.
  enum class Vector : std::uint8_t { weights, first_moment, second_moment, best };
  void write(Vector vector, std::uint32_t member, std::span<const float> values);
  [[nodiscard]] std::vector<float> read(Vector vector, std::uint32_t member);
  /// Brings the device's vectors up to date; training is about to change them.
  void hand_to_device();

  /// Which networks passes are for. A pass that trains is for those that run alone, at first all.
  enum class Selection : std::uint8_t { running, all };
  void select(Selection selection);
  void run_all();
  /// The networks that still train become those that run; their rooms are then the first of their buckets. states:
  /// [place], as the device has them. Returns the place that each place's network had before. Waits.
  [[nodiscard]] std::vector<std::uint32_t> pack(Survivors& survivors, std::span<const NetworkState> states);
  /// Offsets of each room, bucket by bucket.
  [[nodiscard]] std::span<const CohortNetwork> rooms() const noexcept { return rooms_; }

  // Passes, asynchronous. Rows that are passed over come from gather().
  void gather(RowSource from, std::uint32_t n_rows) const;
  void forward(std::uint32_t n_rows, bool drops) const;
  /// row_loss: where each row's loss goes, and the outputs into z; null: nowhere.
  void output(std::uint32_t n_rows, bool training, float* row_loss = nullptr) const;
  void backward(std::uint32_t n_rows, bool drops) const;
  void finish_gradient(std::uint32_t n_rows) const { launch_finish_gradient(task_, n_rows, stream_->get()); }
  /// The step that rows make which were gathered from the epoch.
  void train_minibatch(std::uint32_t n_rows) const;
  /// The validation rows' losses, and what a kernel counts of them.
  void validate() const;
  /// What is decided after that.
  void finish_epoch() const;

  /// Rows of another table than the dataset's.
  void set_rows(const Rows& rows) { task_.rows = rows; }
  /// What training takes beside the networks: arrays of CohortTask.
  struct TrainingArrays {
    const NetworkRules* rules = nullptr;
    NetworkState* states = nullptr;
    Cursor* cursor = nullptr;
    const std::uint32_t* order = nullptr;
    const float* rates = nullptr;
    NetworkRecord* records = nullptr;
  };
  void set_training(const TrainingArrays& arrays);
  /// Forgets what passes added up.
  void clear_sums();

 private:
  struct Network {
    std::uint32_t member = 0;
    const CohortShape* shape = nullptr;
    std::uint32_t bucket = 0;
  };
  /// Rooms of equal extents lie one after another, those of the networks that run first.
  struct Bucket {
    CohortNetwork first;  ///< its offsets
    const CohortShape* shape = nullptr;
    std::uint32_t n_networks = 0, n_running = 0;
    std::uint32_t n_selected = 0;  ///< see Selection
  };
  void arrange();
  void allocate();
  void write_what_products_leave();
  /// The factors that clip gradients.
  void norm(std::uint32_t n_rows) const;
  [[nodiscard]] Mirror& mirror(Vector vector) { return vectors_[static_cast<std::size_t>(vector)]; }

  /// A bucket's matrices of layer l.
  [[nodiscard]] Matrices<const T> weights(const Bucket& bucket, std::size_t l) const;
  [[nodiscard]] Matrices<const T> inputs(const Bucket& bucket, std::size_t l) const;
  [[nodiscard]] Matrices<float> z(const Bucket& bucket, std::size_t l) const;

  CohortPlan plan_;
  DeviceTable* table_;
  const Blas* blas_;
  const Stream* stream_;
  std::map<Topology, CohortShape> shapes_;
  std::vector<Network> networks_;     ///< by place
  std::vector<std::uint32_t> place_;  ///< of each member
  std::vector<Bucket> buckets_;
  std::vector<CohortNetwork> host_networks_, rooms_;
  std::uint32_t n_running_ = 0, n_selected_buckets_ = 0;
  std::uint32_t largest_stride_ = 0, largest_parameters_ = 0;  ///< of the selected networks
  std::uint32_t input_columns_ = 0;
  Mirror vectors_[4];

  CohortTask<T> task_;
  DeviceBuffer<CohortLayer> layers_;
  DeviceBuffer<CohortNetwork> device_networks_;
  DeviceBuffer<float> parameters_, gradient_, z_, back_, shortened_;
  DeviceBuffer<T> operands_, input_, values_, delta_;
  DeviceBuffer<std::uint32_t> row_, broken_;
  DeviceBuffer<CohortDecision> decisions_;
  DeviceBuffer<CohortSums> sums_;
  std::optional<StrictPasses> strict_;
  mutable std::optional<ReluLayers<T>> relu_;  ///< plans a product when it is first asked for
};

/// While it is there, passes are for all networks, those that have ended too.
template <class T>
class AllSelected {
 public:
  /// cohort: outlives it.
  explicit AllSelected(Cohort<T>& cohort) : cohort_(&cohort) { cohort.select(Cohort<T>::Selection::all); }
  ~AllSelected() { cohort_->select(Cohort<T>::Selection::running); }
  AllSelected(const AllSelected&) = delete;
  AllSelected& operator=(const AllSelected&) = delete;

 private:
  Cohort<T>* cohort_;
};

}  // namespace shoal::cuda
