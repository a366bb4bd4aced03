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

/// Where a product's A lies row by row or column by column, and what its sums begin with.
struct ProductCase {
  std::size_t n_rows, columns, depth;
  bool by_columns;
  bool goes_on;  // from C, not from a row for all
};

void expect_ascending_sums(const Kernels& kernels, const ProductCase& of) {
  const std::size_t n_rows = of.n_rows;
  const std::size_t columns = of.columns;
  const std::size_t depth = of.depth;
  Floats a(n_rows * depth);
  Floats b(depth * columns);
  Floats start(columns);
  Floats c(n_rows * columns);
  for (std::uint32_t i = 0; i < n_rows * depth; ++i) a[i] = rough(i);
  for (std::uint32_t i = 0; i < depth * columns; ++i) b[i] = rough(i + 1000);
  for (std::uint32_t i = 0; i < columns; ++i) start[i] = rough(i + 5000);
  for (std::uint32_t i = 0; i < n_rows * columns; ++i) c[i] = of.goes_on ? rough(i + 7000) : NAN;
  kernels.product({.a = a.data(),
                   .a_row = of.by_columns ? 1 : depth,
                   .a_depth = of.by_columns ? n_rows : 1,
                   .b = b.data(),
                   .b_stride = columns,
                   .start = of.goes_on ? c.data() : start.data(),
                   .start_stride = of.goes_on ? columns : 0,
                   .c = c.data(),
                   .c_stride = columns,
                   .n_rows = n_rows,
                   .columns = columns,
                   .depth = depth});
  for (std::uint32_t m = 0; m < n_rows; ++m) {
    for (std::uint32_t n = 0; n < columns; ++n) {
      const auto at = static_cast<std::uint32_t>(m * columns + n);
      float want = of.goes_on ? rough(at + 7000) : start[n];
      for (std::size_t k = 0; k < depth; ++k) {
        want = std::fma(of.by_columns ? a[k * n_rows + m] : a[m * depth + k], b[k * columns + n], want);
      }
      ASSERT_EQ(c[at], want) << kernels.target << ' ' << m << ' ' << n;
    }
  }
}

TEST(CorePerNetwork, ProductAddsEachElementInAscendingOrderByFma) {
  for (const Kernels& kernels : all_kernels()) {
    for (std::size_t n_rows = 1; n_rows < 32; ++n_rows) {
      for (const std::size_t columns : {16U, 32U, 48U}) {
        for (const std::size_t depth : {1U, 2U, 17U}) {
          for (const bool by_columns : {false, true}) {
            expect_ascending_sums(kernels, {n_rows, columns, depth, by_columns, false});
            expect_ascending_sums(kernels, {n_rows, columns, depth, by_columns, true});
          }
        }
      }
    }
  }
}

TEST(CorePerNetwork, TranspositionMovesEveryElement) {
  for (const Kernels& kernels : all_kernels()) {
    for (const std::size_t n_rows : {1U, 7U, 16U, 33U}) {
      for (const std::size_t n_columns : {1U, 10U, 32U}) {
        const std::size_t stride = padded(n_columns);
        Floats from(n_rows * stride);
        Floats to(n_columns * padded(n_rows), NAN);
        for (std::uint32_t i = 0; i < n_rows * stride; ++i) from[i] = rough(i);
        kernels.transpose({from.data(), stride, to.data(), padded(n_rows), n_rows, n_columns});
        for (std::size_t r = 0; r < n_rows; ++r) {
          for (std::size_t c = 0; c < n_columns; ++c) {
            ASSERT_EQ(to[c * padded(n_rows) + r], from[r * stride + c]) << kernels.target << ' ' << r << ' ' << c;
          }
        }
      }
    }
  }
}

TEST(CorePerNetwork, CopyMovesEveryElementFromAnywhere) {
  constexpr std::size_t kRows = 5, kStride = 48, kFirst = 3;
  for (const Kernels& kernels : all_kernels()) {
    for (const std::size_t n_columns : {1U, 16U, 27U, 32U}) {
      Floats from((kRows + 1) * kStride);
      Floats to(kRows * padded(n_columns), NAN);
      for (std::uint32_t i = 0; i < (kRows + 1) * kStride; ++i) from[i] = rough(i);
      kernels.copy({from.data() + kFirst, kStride, to.data(), padded(n_columns), kRows, n_columns});
      for (std::size_t r = 0; r < kRows; ++r) {
        for (std::size_t c = 0; c < n_columns; ++c) {
          ASSERT_EQ(to[r * padded(n_columns) + c], from[r * kStride + kFirst + c])
              << kernels.target << ' ' << r << ' ' << c;
        }
      }
    }
  }
}

TEST(CorePerNetwork, GatheredRowsAreScaledAndFilledWhereMissing) {
  for (const Kernels& kernels : all_kernels()) {
    for (const std::size_t n_inputs : {1U, 7U, 8U, 16U, 21U, 40U}) {
      std::vector<float> table, offset, factor, fill;
      for (std::uint32_t i = 0; i < 3 * n_inputs; ++i) table.push_back(rough(i));
      for (std::uint32_t i = 0; i < n_inputs; ++i) {
        offset.push_back(rough(i + 100));
        factor.push_back(rough(i + 200));
        fill.push_back(rough(i + 300));
      }
      const std::size_t missing = n_inputs / 2;
      table[2 * n_inputs + missing] = NAN;
      const std::vector<std::uint32_t> rows{2, 0};
      const std::size_t stride = padded(n_inputs + 1);
      Floats to(2 * stride);
      kernels.gather(
          {table.data(), rows.data(), 2, n_inputs, offset.data(), factor.data(), fill.data(), to.data(), stride});
      for (std::size_t i = 0; i < n_inputs; ++i) {
        const float scaled = (table[2 * n_inputs + i] - offset[i]) * factor[i];
        EXPECT_EQ(to[i], i == missing ? fill[i] : scaled) << kernels.target << ' ' << i;
        EXPECT_EQ(to[stride + i], (table[i] - offset[i]) * factor[i]) << kernels.target << ' ' << i;
      }
      EXPECT_EQ(to[n_inputs], 1.0F);
      EXPECT_EQ(to[stride + n_inputs], 1.0F);
    }
  }
}

TEST(CorePerNetwork, SoftmaxRowAgreesWithDoubleArithmetic) {
  for (const Kernels& kernels : all_kernels()) {
    Floats z(16);
    Floats delta(16);
    Floats loss(16);
    Floats space(16 * kPadding);
    const std::vector<double> logits{1.5, -0.25, 3.0};
    for (std::size_t o = 0; o < 3; ++o) z[o] = static_cast<float>(logits[o]);
    const std::int32_t label = 1;
    kernels.output(LossKind::cross_entropy, {.z = z.data(),
                                             .delta = delta.data(),
                                             .row_loss = loss.data(),
                                             .space = space.data(),
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
