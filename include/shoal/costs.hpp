#pragma once

#include <span>
#include <string_view>

/// What kernels cost, in seconds. The shipped values are of the machines named here; docs/decisions/cost-model.md says
/// where each is from. They decide which kernel trains a gang and what `plan` predicts, never a result.
namespace shoal {

/// Of one core of a Xeon with AVX-512 and 2 MiB of second-level cache. A vector is what one instruction works on.
struct CpuCosts {
  double core_vector = 2.3e-10;      ///< a vector of multiply-adds of a network that has a core
  double core_layer = 3.9e-9;        ///< beginning and ending the loops of a layer, a row
  double core_exponential = 7.2e-9;  ///< a vector of units whose activation takes an exponential
  double core_output = 1.7e-9;       ///< an output of a row: its loss and what is measured of it
  double core_minibatch = 1.4e-7;    ///< a layer, a minibatch
  double core_sgd = 1.3e-9;          ///< a vector of parameters, a minibatch
  double core_moments = 9.7e-9;      ///< the same where the solver divides by a second moment
  double core_epoch = 9.3e-9;        ///< the ends of an epoch
  double lane_vector = 2.3e-10;      ///< a multiply-add of networks that share a vector
  double lane_spilled = 3.3e-10;     ///< the same where their vectors leave the second-level cache
  double lane_unit = 4.6e-10;        ///< a unit of a row
  double lane_exponential = 6.7e-9;  ///< a unit whose activation takes an exponential
  double lane_sgd = 3.9e-9;          ///< a parameter, a minibatch
  double lane_moments = 9e-9;        ///< the same where the solver divides by a second moment
  double lane_epoch = 1.8e-6;        ///< the ends of an epoch
  double measured_row = 9.8e-9;      ///< a row of a network whose metric is not added up by a kernel
  double measured_output = 1.8e-10;  ///< an output of it
  double final_output = 5e-8;        ///< an output of a validation row for all metrics of a network that has ended
  double place_network = 2e-6;       ///< to place a network, and to take it out
  double place_parameter = 3e-8;     ///< of it
};

/// 132 multiprocessors issue four instructions a cycle at 1.755 GHz.
inline constexpr double kIssuesOfH200 = 132 * 4 * 1.755e9;

/// Of an NVIDIA H200. Threads were measured to use 0.7 of the issue slots, blocks 0.4.
struct CudaCosts {
  double thread_issue =
      1 / (kIssuesOfH200 * 0.7);   ///< an instruction of a warp whose threads have a network each, of the whole GPU
  double thread_wait = 1.8e-9;     ///< the same of one warp, from one to the next
  double thread_network = 1.4e-7;  ///< what the host does for an epoch of a network
  double block_issue = 2.4e-12;    ///< as thread_issue where a network has a block
  double block_wait = 2.5e-9;      ///< as thread_wait
  double block_network = 4e-6;     ///< what the host does for a launch's block
  double strict_multiply_add = 7.5e-14;  ///< layer by layer in strict order, of the whole GPU
  double strict_byte = 1.2e-12;          ///< there, to and from memory
  double layer_multiply_add = 5e-14;     ///< layer by layer by cuBLAS in fp32
  double tensor_multiply_add = 1.4e-14;  ///< the same in tf32 and bf16
  double layer_byte = 4e-13;             ///< there
  double layer_launch = 6e-6;            ///< a kernel of a graph
  double launch = 2e-5;                  ///< a round of launches: what the host waits for
  double place_network = 2.5e-7;         ///< to place a network, and to take it out
  double place_parameter = 1.2e-8;       ///< of it
};

/// What a run writes of its networks, whoever trains them.
struct RunCosts {
  double row = 3.5e-5;          ///< of a trial that has ended
  double curve_point = 4.5e-7;  ///< of an epoch of a network
};

struct Costs {
  CpuCosts cpu;
  CudaCosts cuda;
  RunCosts run;
};

/// One of them.
struct NamedCost {
  std::string_view engine;  ///< `cpu`, `cuda`
  std::string_view kernel;  ///< that alone pays it in its precision, `core_per_network`; empty: others do as well
  std::string_view name;    ///< `core_vector`
  double& (*of)(Costs&);
};
/// What a machine is measured for, in the order above.
[[nodiscard]] std::span<const NamedCost> named_costs();

/// Costs under which a kernel takes `factor` times as long: every kernel may be made the slowest or the soonest.
[[nodiscard]] Costs slowed(Costs costs, std::string_view kernel, double factor);

}  // namespace shoal
