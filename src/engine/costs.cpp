#include "shoal/costs.hpp"

#include <array>

namespace shoal {
namespace {

constexpr std::array kCosts{
    NamedCost{"cpu", "core_per_network", "core_vector", [](Costs& c) -> double& { return c.cpu.core_vector; }},
    NamedCost{"cpu", "core_per_network", "core_layer", [](Costs& c) -> double& { return c.cpu.core_layer; }},
    NamedCost{"cpu", "core_per_network", "core_exponential",
              [](Costs& c) -> double& { return c.cpu.core_exponential; }},
    NamedCost{"cpu", "core_per_network", "core_output", [](Costs& c) -> double& { return c.cpu.core_output; }},
    NamedCost{"cpu", "core_per_network", "core_minibatch", [](Costs& c) -> double& { return c.cpu.core_minibatch; }},
    NamedCost{"cpu", "core_per_network", "core_sgd", [](Costs& c) -> double& { return c.cpu.core_sgd; }},
    NamedCost{"cpu", "core_per_network", "core_moments", [](Costs& c) -> double& { return c.cpu.core_moments; }},
    NamedCost{"cpu", "core_per_network", "core_epoch", [](Costs& c) -> double& { return c.cpu.core_epoch; }},
    NamedCost{"cpu", "lane_per_network", "lane_vector", [](Costs& c) -> double& { return c.cpu.lane_vector; }},
    NamedCost{"cpu", "lane_per_network", "lane_spilled", [](Costs& c) -> double& { return c.cpu.lane_spilled; }},
    NamedCost{"cpu", "lane_per_network", "lane_unit", [](Costs& c) -> double& { return c.cpu.lane_unit; }},
    NamedCost{"cpu", "lane_per_network", "lane_exponential",
              [](Costs& c) -> double& { return c.cpu.lane_exponential; }},
    NamedCost{"cpu", "lane_per_network", "lane_sgd", [](Costs& c) -> double& { return c.cpu.lane_sgd; }},
    NamedCost{"cpu", "lane_per_network", "lane_moments", [](Costs& c) -> double& { return c.cpu.lane_moments; }},
    NamedCost{"cpu", "lane_per_network", "lane_epoch", [](Costs& c) -> double& { return c.cpu.lane_epoch; }},
    NamedCost{"cpu", "", "measured_row", [](Costs& c) -> double& { return c.cpu.measured_row; }},
    NamedCost{"cpu", "", "measured_output", [](Costs& c) -> double& { return c.cpu.measured_output; }},
    NamedCost{"cpu", "", "final_output", [](Costs& c) -> double& { return c.cpu.final_output; }},
    NamedCost{"cpu", "", "place_network", [](Costs& c) -> double& { return c.cpu.place_network; }},
    NamedCost{"cpu", "", "place_parameter", [](Costs& c) -> double& { return c.cpu.place_parameter; }},
    NamedCost{"cuda", "thread_per_network", "thread_issue", [](Costs& c) -> double& { return c.cuda.thread_issue; }},
    NamedCost{"cuda", "thread_per_network", "thread_wait", [](Costs& c) -> double& { return c.cuda.thread_wait; }},
    NamedCost{"cuda", "thread_per_network", "thread_network",
              [](Costs& c) -> double& { return c.cuda.thread_network; }},
    NamedCost{"cuda", "block_per_network", "block_issue", [](Costs& c) -> double& { return c.cuda.block_issue; }},
    NamedCost{"cuda", "block_per_network", "block_wait", [](Costs& c) -> double& { return c.cuda.block_wait; }},
    NamedCost{"cuda", "block_per_network", "block_network", [](Costs& c) -> double& { return c.cuda.block_network; }},
    NamedCost{"cuda", "strict_layers", "strict_multiply_add",
              [](Costs& c) -> double& { return c.cuda.strict_multiply_add; }},
    NamedCost{"cuda", "strict_layers", "strict_byte", [](Costs& c) -> double& { return c.cuda.strict_byte; }},
    NamedCost{"cuda", "cohort", "layer_multiply_add", [](Costs& c) -> double& { return c.cuda.layer_multiply_add; }},
    NamedCost{"cuda", "cohort", "tensor_multiply_add", [](Costs& c) -> double& { return c.cuda.tensor_multiply_add; }},
    NamedCost{"cuda", "cohort", "layer_byte", [](Costs& c) -> double& { return c.cuda.layer_byte; }},
    NamedCost{"cuda", "strict_layers", "layer_launch", [](Costs& c) -> double& { return c.cuda.layer_launch; }},
    NamedCost{"cuda", "", "launch", [](Costs& c) -> double& { return c.cuda.launch; }},
    NamedCost{"cuda", "", "place_network", [](Costs& c) -> double& { return c.cuda.place_network; }},
    NamedCost{"cuda", "", "place_parameter", [](Costs& c) -> double& { return c.cuda.place_parameter; }},
};

}  // namespace

std::span<const NamedCost> named_costs() { return kCosts; }

Costs slowed(Costs costs, std::string_view kernel, double factor) {
  for (const NamedCost& cost : kCosts) {
    if (cost.kernel == kernel) cost.of(costs) *= factor;
  }
  return costs;
}

}  // namespace shoal
