// NVRTC makes kernels of the text in the program, without a GPU: all of the largest ones stay in registers.
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/kernel_builder.hpp"
#include "engine/cuda/nvrtc_library.hpp"
#include "kernels/cuda/block_per_network.cuh"
#include "shoal/error.hpp"

namespace shoal::cuda {
// An H200's, in place of what block_limits.cpp asks the GPU at hand: the linker takes these.
std::size_t most_shared_bytes() { return 227 * 1024; }
std::size_t shared_bytes_beside(std::uint32_t n_threads) {
  return most_shared_bytes() * n_threads / kResidentThreads - 1024;
}
bool has_tensor_cores() { return true; }
}  // namespace shoal::cuda

namespace shoal {
namespace {

Topology topology_of(const std::vector<std::int32_t>& sizes) {
  Topology topology;
  topology.n_inputs = sizes.front();
  topology.hidden_layer_sizes.assign(sizes.begin() + 1, sizes.end() - 1);
  topology.activations.assign(sizes.size() - 2, Activation::relu);
  topology.n_outputs = sizes.back();
  return topology;
}

/// What the compiler's report tells of stack and spills.
std::string spills(const std::string& log) {
  const std::size_t at = log.find("bytes stack frame");
  if (at == std::string::npos) return "no report: " + log;
  const std::size_t first = log.rfind(' ', at - 2) + 1;
  return log.substr(first, log.find('\n', at) - first);
}

constexpr cuda::ThreadVariant kAnything{};
constexpr cuda::ThreadVariant kPlainSgd{true, cuda::Act::gelu, cuda::SolverKind::sgd};
constexpr cuda::ThreadVariant kPlainAdam{true, cuda::Act::tanh, cuda::SolverKind::adam};
constexpr std::pair<cuda::ThreadVariant, const char*> kOtherBuilds[] = {
    {kAnything, "sm_75"}, {kPlainSgd, "sm_90"}, {kPlainAdam, "sm_90"}};

void expect_in_registers(const Topology& topology, const cuda::ThreadVariant& variant, const char* architecture) {
  const cuda::KernelImage built = cuda::build_kernel(cuda::thread_source(topology, variant), architecture);
  EXPECT_GT(built.image.size(), 1000U);
  EXPECT_EQ(spills(built.log), "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
      << cuda::sizes_text(topology, "-") << " for " << architecture << (variant.is_plain ? ", plain" : "");
}

TEST(BuiltKernels, StayInRegistersUpToTheLimit) {
  ASSERT_NO_THROW(static_cast<void>(cuda::nvrtc_library()));
  const std::vector<std::int32_t> largest[] = {{7, 4, 1}, {4, 5, 2}, {1, 13, 1}, {2, 2, 2, 2, 2, 2, 2},
                                               {19, 2},   {1, 20}};
  for (std::size_t i = 0; i < std::size(largest); ++i) {
    const Topology topology = topology_of(largest[i]);
    ASSERT_TRUE(cuda::fits_registers(topology)) << cuda::sizes_text(topology, "-");
    expect_in_registers(topology, kAnything, "sm_90");
    // A build takes seconds: of the others each topology has one.
    const auto& [variant, architecture] = kOtherBuilds[i % std::size(kOtherBuilds)];
    expect_in_registers(topology, variant, architecture);
  }
}

TEST(BuiltKernels, WouldSpillWellBeyondTheLimit) {
  const Topology topology = topology_of({3, 5, 5, 1});
  EXPECT_FALSE(cuda::fits_registers(topology));
  EXPECT_NE(spills(cuda::build_kernel(cuda::thread_source(topology, kAnything), "sm_90").log),
            "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads");
}

void expect_in_registers(const Topology& topology, bool has_dropout, cuda::Operands operands) {
  const cuda::NetworkShape shape(topology, has_dropout, false, operands);
  const cuda::KernelImage built = cuda::build_kernel(cuda::block_source(shape), "sm_90");
  EXPECT_GT(built.image.size(), 1000U);
  EXPECT_EQ(spills(built.log), "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
      << cuda::sizes_text(topology, "-") << ", operands " << static_cast<int>(operands);
}

TEST(BuiltKernels, OfBlocksStayInRegisters) {
  for (const cuda::Operands operands : {cuda::Operands::fp32, cuda::Operands::tf32, cuda::Operands::bf16}) {
    expect_in_registers(topology_of({16, 64, 64, 26}), false, operands);
  }
  Topology odd = topology_of({30, 33, 17, 9, 1});
  odd.activations = {Activation::gelu, Activation::tanh, Activation::leaky_relu};
  expect_in_registers(odd, true, cuda::Operands::fp32);
}

TEST(BuiltKernels, SayWhichArchitectureIsUnknown) {
  try {
    static_cast<void>(cuda::build_kernel(cuda::thread_source(topology_of({1, 2, 1}), kAnything), "sm_1"));
    FAIL();
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("nvrtcCompileProgram failed: NVRTC_ERROR_INVALID_OPTION"), std::string::npos) << what;
    EXPECT_NE(what.find("-arch"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace shoal
