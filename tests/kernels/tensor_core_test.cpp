// Products by tensor cores against plain sums in double, over the emulated device or on a GPU.
#include "tests/kernels/tensor_core.hpp"

#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

struct Format {
  const char* name;
  std::vector<float> (*product)(const std::vector<float>&, const std::vector<float>&, const std::vector<float>&);
  std::size_t depth;
  double unit;  ///< of rounding an operand: half a step of its mantissa
};
const Format kFormats[] = {{"tf32", tf32_product, 8, 0x1p-11}, {"bf16", bf16_product, 16, 0x1p-9}};

template <class Next>
std::vector<float> matrix(std::size_t n, Next next) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(next());
  return values;
}

struct Problem {
  std::vector<float> left, right, sum;

  template <class Next>
  Problem(const Format& format, Next next)
      : left(matrix(16 * format.depth, next)), right(matrix(format.depth * 8, next)), sum(matrix(16 * 8, next)) {}
};

/// The exact element, and how far a product of `depth` terms may be from it: each operand is off by `unit` of itself,
/// so each term by (1 + unit)^2 - 1; of depth + 1 terms, summed in any order with 24 bits of which the last may be cut
/// off, each addition loses at most 2^-23 of the sum of magnitudes, and so does the alignment of each term before it.
struct Expected {
  double value, bound;
};
Expected expected(const Format& format, const Problem& p, std::size_t row, std::size_t column) {
  double value = static_cast<double>(p.sum[row * 8 + column]);
  double terms = 0;
  for (std::size_t k = 0; k < format.depth; ++k) {
    const double term =
        static_cast<double>(p.left[row * format.depth + k]) * static_cast<double>(p.right[k * 8 + column]);
    value += term;
    terms += std::fabs(term);
  }
  const double rounded = (2 + format.unit) * format.unit * terms;
  const double magnitude = terms + rounded + std::fabs(static_cast<double>(p.sum[row * 8 + column]));
  return {value, rounded + 2 * static_cast<double>(format.depth + 1) * 0x1p-23 * magnitude};
}

/// The largest |error| / bound of all elements.
double worst(const Format& format, const Problem& p, const std::vector<float>& got) {
  double largest = 0;
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      const Expected e = expected(format, p, row, column);
      largest = std::fmax(largest, std::fabs(static_cast<double>(got[row * 8 + column]) - e.value) / e.bound);
    }
  }
  return largest;
}

TEST(SHOAL_CUDA_SUITE, TensorCoresMultiplySmallIntegersExactly) {
  for (const Format& format : kFormats) {
    std::minstd_rand random(1);
    const Problem p(format, [&] { return static_cast<int>(random() % 17) - 8; });
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      set_schedule(schedule);
      const std::vector<float> got = format.product(p.left, p.right, p.sum);
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(static_cast<double>(got[i]), expected(format, p, i / 8, i % 8).value) << format.name << ", " << i;
      }
    }
  }
}

TEST(SHOAL_CUDA_SUITE, TensorCoresKeepTheBoundOfTheirRounding) {
  for (const Format& format : kFormats) {
    std::minstd_rand random(2);
    std::normal_distribution<double> normal;
    for (int round = 0; round < 20; ++round) {
      const Problem p(format, [&] { return normal(random); });
      const double off = worst(format, p, format.product(p.left, p.right, p.sum));
      EXPECT_LE(off, 1) << format.name;
      EXPECT_GT(off, 0.01) << format.name << ": the bound says something";
    }
  }
}

TEST(SHOAL_CUDA_SUITE, BoundOfTensorCoresSeesTwoElementsExchanged) {
  for (const Format& format : kFormats) {
    std::minstd_rand random(3);
    std::normal_distribution<double> normal;
    const Problem p(format, [&] { return normal(random); });
    std::vector<float> left = p.left;
    std::swap(left[0], left[format.depth * 8]);  // lane 0's first two numbers
    EXPECT_GT(worst(format, p, format.product(left, p.right, p.sum)), 1) << format.name;
  }
}

/// As the PTX ISA says of ldmatrix; number 8 r + c of a matrix is in row r, column c.
TEST(SHOAL_CUDA_SUITE, TensorCoresMatricesAreLoadedByRowsAndByColumns) {
  std::vector<std::uint32_t> matrices(128);
  for (std::uint32_t w = 0; w < 128; ++w) matrices[w] = 2 * w | (2 * w + 1) << 16;
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const std::vector<std::uint32_t> by_rows = loaded_matrices(matrices, false);
    const std::vector<std::uint32_t> by_columns = loaded_matrices(matrices, true);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint32_t in_row = 64 * j + lane / 4 * 8 + lane % 4 * 2;
        EXPECT_EQ(by_rows[lane * 4 + j], in_row | (in_row + 1) << 16) << "lane " << lane << ", matrix " << j;
        const std::uint32_t in_column = 64 * j + lane % 4 * 16 + lane / 4;
        EXPECT_EQ(by_columns[lane * 4 + j], in_column | (in_column + 8) << 16) << "lane " << lane << ", matrix " << j;
      }
    }
  }
}

}  // namespace
}  // namespace shoal
