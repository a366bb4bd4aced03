// ReLU that cublasLt fuses into the products of a lone network: the same training as by kernels between products, which
// other checks hold to their bounds. Emulated: a GPU's cublasLt cannot be told to have no kernel.
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "engine/cuda/cublas_engine.hpp"
#include "tests/emulation/cublas_lt.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

struct Lone {
  std::vector<std::int32_t> hidden_layer_sizes;
  std::vector<Activation> activations;
  std::size_t n_fused;  ///< products of a minibatch that ReLU is fused into
};

testing::Sweep sweep_of(const Lone& network, Precision precision) {
  testing::Random random(97);
  testing::Sweep sweep = testing::random_sweep(random, 1);
  sweep.options.precision = precision;
  sweep.trials.resize(1);
  Trial& trial = sweep.trials.front();
  trial.topology.hidden_layer_sizes = network.hidden_layer_sizes;
  trial.topology.activations = network.activations;
  trial.hyperparameters.dropout = 0;
  trial.hyperparameters.batch_size = 16;
  trial.hyperparameters.max_iter = 4;
  trial.hyperparameters.n_iter_no_change = 0;
  trial.hyperparameters.learning_rate_init = 0.01;
  sweep.gangs = {{gang_key(trial), 0, 1, true, false}};
  return sweep;
}

testing::Outcome outcome_of(const testing::Sweep& sweep, bool fuses) {
  emulation::refuse_epilogues(!fuses);
  testing::Outcome outcome = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 2);
  emulation::refuse_epilogues(false);
  return outcome;
}

TEST(EmulatedCudaRelu, IsTheSameFusedIntoProductsAsBetweenThem) {
  const Lone all[] = {
      {{24, 16}, {Activation::relu, Activation::relu}, 2},
      {{13, 21, 5}, {Activation::relu, Activation::relu, Activation::relu}, 3},
      {{11, 9, 12, 7}, {Activation::relu, Activation::tanh, Activation::relu, Activation::relu}, 3},
      {{6, 10}, {Activation::gelu, Activation::relu}, 1},
      {{130}, {Activation::relu}, 1},
  };
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    for (const Lone& network : all) {
      for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
        set_schedule(schedule);
        const testing::Sweep sweep = sweep_of(network, precision);
        const std::size_t before = emulation::n_cublas_lt_products();
        const testing::Outcome fused = outcome_of(sweep, true);
        const std::size_t n_fused = emulation::n_cublas_lt_products() - before;
        const testing::Outcome plain = outcome_of(sweep, false);
        EXPECT_EQ(testing::first_difference(fused, plain), "") << name(precision) << " of " << network.n_fused;
        // Minibatches of 16, of the rest, and validation rows, which are captured once each.
        EXPECT_GE(n_fused, 3 * network.n_fused);
        EXPECT_EQ(emulation::n_cublas_lt_products() - before, n_fused);
        ASSERT_EQ(fused.states.size(), 1U);
        EXPECT_EQ(fused.states.front().epoch, 4U);
        EXPECT_TRUE(std::isfinite(fused.states.front().parameters.front()));
      }
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
}

TEST(EmulatedCudaRelu, IsLeftToKernelsInFp32AndWhereUnitsAreDroppedOrNetworksShareTheProducts) {
  testing::Sweep sweep = sweep_of({{24, 16}, {Activation::relu, Activation::relu}, 0}, Precision::fp32);
  const std::size_t before = emulation::n_cublas_lt_products();
  static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4));
  sweep.options.precision = Precision::bf16;
  sweep.gangs.front().has_dropout = true;
  static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4));
  sweep.gangs.front().has_dropout = false;
  sweep.trials.push_back(sweep.trials.front());
  sweep.gangs.push_back(sweep.gangs.front());
  sweep.gangs.back().first_slot = 1;
  static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4));
  EXPECT_EQ(emulation::n_cublas_lt_products(), before);
}

}  // namespace
}  // namespace shoal
