#pragma once

#include <cstdint>
#include <span>

#include "kernels/cuda/device.hpp"
#include "kernels/math/epoch_decision.hpp"

/// Many small networks at once: a thread trains one network whose parameters stay in its registers; the rows of a
/// minibatch lie in shared memory and are read by all threads of a block together. Strict order (docs/numerics.md): no
/// sum is split over threads.
namespace shoal::cuda {

/// Networks of a block.
inline constexpr std::uint32_t kNetworksInBlock = 128;

/// As shoal::Activation.
enum class Act : std::uint8_t { identity, relu, leaky_relu, sigmoid, tanh };

/// A compiled topology.
struct ShapeSize {
  std::uint32_t n_inputs, n_hidden_1, n_hidden_2, n_outputs;
};
[[nodiscard]] std::span<const ShapeSize> shapes();

/// A table on the device, as one fold scales it.
struct Rows {
  const float* inputs = nullptr;   ///< [row][n_inputs]
  const float* targets = nullptr;  ///< [row][n_outputs], scaled; null: there are none
  const float* weights = nullptr;  ///< [row]; null: all 1
  const float* offset = nullptr;   ///< [n_inputs]; null: inputs are scaled already
  const float* factor = nullptr;
  const float* fill = nullptr;
};

/// What training of a network does not change.
struct NetworkRules {
  float momentum = 0;
  float alpha = 0;
  std::uint32_t target_epoch = 0;
  bool has_velocity = false;
  bool nesterov = false;
  math::EpochRules epoch;
};

struct NetworkState {
  math::EpochProgress progress;
  math::EpochVerdict verdict = math::EpochVerdict::finished;  ///< a place without a network never moves
};

/// One epoch of one network.
struct NetworkRecord {
  double train_loss = 0;
  double val_loss = 0;
  double metric = 0;
  std::uint32_t ran = 0;
};

/// What one block works on: up to kNetworksInBlock networks of a gang, all in the same epochs.
struct TrainTask {
  Rows rows;
  const std::uint32_t* order = nullptr;       ///< [epoch][n_training], rows of the table
  const double* training_weight = nullptr;    ///< [epoch]
  const std::uint32_t* validation = nullptr;  ///< [n_validation]
  double validation_weight = 0;
  std::uint32_t n_training = 0, n_validation = 0, batch = 0;
  std::uint32_t first_epoch = 0, n_epochs = 0;
  std::uint32_t first_network = 0;  ///< of the gang
  std::uint32_t n_networks = 0;     ///< of the whole gang: the stride of everything below
  bool half_loss = false, watches_train_loss = false;
  Act act_1 = Act::identity, act_2 = Act::identity;
  const float* rates = nullptr;  ///< [epoch][network]
  const NetworkRules* rules = nullptr;
  NetworkState* states = nullptr;
  float* weights = nullptr;          ///< [parameter][network], canonical order of parameters
  float* velocity = nullptr;         ///< likewise
  float* best = nullptr;             ///< likewise; null where no member has patience
  NetworkRecord* records = nullptr;  ///< [epoch][network]
};

/// One pass of one network over rows; every output may be null.
struct ProbeTask {
  Rows rows;
  const std::uint32_t* row = nullptr;  ///< [n_rows] rows of the table; null: 0, 1, ...
  std::uint32_t n_rows = 0;
  bool half_loss = false;
  Act act_1 = Act::identity, act_2 = Act::identity;
  const float* weights = nullptr;  ///< parameter p at weights[p * stride]
  std::uint32_t stride = 1;
  float alpha = 0;
  float* z = nullptr;         ///< [row][units of all layers]
  float* a = nullptr;         ///< likewise
  float* outputs = nullptr;   ///< [row][n_outputs]
  float* row_loss = nullptr;  ///< [row]
  float* gradient = nullptr;  ///< [parameter]
};

/// Trains `n_tasks` blocks of networks of shapes()[shape]; tasks in device memory.
void launch_train(std::size_t shape, const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream);
void launch_probe(std::size_t shape, const ProbeTask& task, cudaStream_t stream);

}  // namespace shoal::cuda
