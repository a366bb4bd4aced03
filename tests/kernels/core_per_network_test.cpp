#include "kernels/cpu/core_per_network.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace shoal::cpu;

/// Floats whose data start on a 64-byte boundary.
struct Floats {
  explicit Floats(std::size_t n, float fill = 0.0F) : raw(n + 16, fill) {
    const auto address = reinterpret_cast<std::uintptr_t>(raw.data());
    skip = (kAlignment - address % kAlignment) % kAlignment / sizeof(float);
  }
  Floats(const Floats&) = delete;
  float* data() { return raw.data() + skip; }
  float& operator[](std::size_t i) { return data()[i]; }
  std::vector<float> raw;
  std::size_t skip = 0;
};

/// Numbers of very different sizes, so that another order of a sum gives other bits.
float rough(std::uint32_t i) {
  const std::uint32_t h = (i + 1) * 2654435761U;
  return std::ldexp(static_cast<float>(h >> 8) * 0x1p-23F - 1.0F, static_cast<int>(h % 13) - 6);
}

TEST(CorePerNetwork, ProductAddsEachElementInAscendingOrderByFma) {
  for (const Kernels& kernels : all_kernels()) {
    for (const std::size_t n_rows : {1U, 3U, 6U, 8U, 13U, 64U}) {
      for (const std::size_t columns : {16U, 32U, 48U}) {
        for (const std::size_t depth : {1U, 2U, 17U}) {
          Floats a(n_rows * depth);
          Floats b(depth * columns);
          Floats start(columns);
          Floats c(n_rows * columns, NAN);
          for (std::uint32_t i = 0; i < n_rows * depth; ++i) a[i] = rough(i);
          for (std::uint32_t i = 0; i < depth * columns; ++i) b[i] = rough(i + 1000);
          for (std::uint32_t i = 0; i < columns; ++i) start[i] = rough(i + 5000);
          kernels.product({.a = a.data(),
                           .a_row = depth,
                           .a_depth = 1,
                           .b = b.data(),
                           .b_stride = columns,
                           .start = start.data(),
                           .c = c.data(),
                           .c_stride = columns,
                           .n_rows = n_rows,
                           .columns = columns,
                           .depth = depth});
          for (std::size_t m = 0; m < n_rows; ++m) {
            for (std::size_t n = 0; n < columns; ++n) {
              float want = start[n];
              for (std::size_t k = 0; k < depth; ++k) want = std::fma(a[m * depth + k], b[k * columns + n], want);
              ASSERT_EQ(c[m * columns + n], want) << kernels.target << ' ' << m << ' ' << n;
            }
          }
        }
      }
    }
  }
}

TEST(CorePerNetwork, SoftmaxRowAgreesWithDoubleArithmetic) {
  for (const Kernels& kernels : all_kernels()) {
    Floats z(16);
    Floats delta(16);
    Floats loss(16);
    const std::vector<double> logits{1.5, -0.25, 3.0};
    for (std::size_t o = 0; o < 3; ++o) z[o] = static_cast<float>(logits[o]);
    const std::int32_t label = 1;
    kernels.output(LossKind::cross_entropy, {.z = z.data(),
                                             .delta = delta.data(),
                                             .row_loss = loss.data(),
                                             .stride = 16,
                                             .n_rows = 1,
                                             .n_outputs = 3,
                                             .targets = nullptr,
                                             .labels = &label});
    const double sum = std::exp(1.5) + std::exp(-0.25) + std::exp(3.0);
    EXPECT_NEAR(z[0], std::exp(1.5) / sum, 2e-7);
    EXPECT_NEAR(delta[1], std::exp(-0.25) / sum - 1, 2e-7);
    EXPECT_NEAR(delta[2], std::exp(3.0) / sum, 2e-7);
    EXPECT_NEAR(loss[0], std::log(sum) + 0.25, 1e-6);
  }
}

TEST(CorePerNetwork, AdamsFirstStepIsTheRateAgainstTheSign) {
  for (const Kernels& kernels : all_kernels()) {
    Floats w(16, 1.0F);
    Floats g(16, 4.0F);
    Floats m(16);
    Floats v(16);
    Step step{};
    step.weight = w.data();
    step.gradient = g.data();
    step.first_moment = m.data();
    step.second_moment = v.data();
    step.n = 16;
    step.inverse_rows = 0.5F;
    step.beta_1 = 0.9F;
    step.c_1 = static_cast<float>(1 - 0.9);
    step.beta_2 = 0.999F;
    step.c_2 = static_cast<float>(1 - 0.999);
    step.epsilon = 0.0F;
    step.eta = static_cast<float>(0.01 * std::sqrt(1 - 0.999) / (1 - 0.9));
    kernels.step(step);
    EXPECT_NEAR(w[0], 0.99, 1e-6) << kernels.target;
    EXPECT_FLOAT_EQ(m[0], 0.2F);
    EXPECT_FLOAT_EQ(v[0], 0.004F);
  }
}

TEST(CorePerNetwork, EveryTargetTakesTheSameStep) {
  for (const bool nesterov : {false, true}) {
    std::vector<std::vector<float>> results;
    for (const Kernels& kernels : all_kernels()) {
      Floats w(32);
      Floats g(32);
      Floats u(32);
      for (std::uint32_t i = 0; i < 32; ++i) {
        w[i] = rough(i);
        g[i] = rough(i + 77);
        u[i] = rough(i + 177);
      }
      Step step{};
      step.weight = w.data();
      step.gradient = g.data();
      step.first_moment = u.data();
      step.n = 32;
      step.inverse_rows = 1.0F / 3.0F;
      step.penalty = 0.01F / 3.0F;
      step.eta = 0.1F;
      step.momentum = 0.9F;
      step.nesterov = nesterov;
      kernels.step(step);
      std::vector<float> result(w.data(), w.data() + 32);
      result.insert(result.end(), u.data(), u.data() + 32);
      results.push_back(result);
      const float gradient = std::fma(0.01F / 3.0F, rough(0), rough(77) * (1.0F / 3.0F));
      const float velocity = std::fma(0.9F, rough(177), -(0.1F * gradient));
      const float moved = nesterov ? std::fma(0.9F, velocity, -(0.1F * gradient)) : velocity;
      EXPECT_EQ(result[0], rough(0) + moved) << kernels.target;
    }
    for (const std::vector<float>& result : results) EXPECT_EQ(result, results.front());
  }
}

}  // namespace
