// The 1-2-2-1 ReLU network of docs/numerics.md, its 13 partial derivatives written out by hand.
#include <array>
#include <gtest/gtest.h>

#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

double relu(double z) { return z > 0 ? z : 0; }
double step(double z) { return z > 0 ? 1 : 0; }

TEST(SHOAL_CUDA_SUITE, GivesTheThirteenPartialDerivativesOfTheWorkedExample) {
  constexpr double x = 0.75, y = 0.5;
  constexpr double w1 = 0.5, b1 = 0.25, w2 = -0.75, b2 = 1, w3 = 0.5, w5 = -0.25, b3 = 0.125, w4 = 1.5, w6 = 0.75,
                   b4 = -0.5, w7 = 2, w8 = -1.25, b5 = 0.375;
  Dataset data;
  data.n_rows = 1;
  data.preprocessing.n_inputs = 1;
  data.preprocessing.target_names = {"y"};
  data.inputs = {static_cast<float>(x)};
  data.targets = {static_cast<float>(y)};
  data.splits.push_back({{0}, {}, {{0}, {1}, {0}}, {{0}, {1}, {1}}});
  Trial trial;
  trial.topology = {1, {2, 2}, {Activation::relu, Activation::relu}, 1};
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.alpha = 0;
  std::vector<float> parameters;
  for (const double p : {w1, b1, w2, b2, w3, w5, b3, w4, w6, b4, w7, w8, b5}) {
    parameters.push_back(static_cast<float>(p));
  }
  const std::uint32_t row = 0;
  const Pass pass = make_cuda_engine(data, {})->pass(trial, parameters, std::span(&row, 1));

  const double z1 = w1 * x + b1, z2 = w2 * x + b2, a1 = relu(z1), a2 = relu(z2);
  const double z3 = w3 * a1 + w5 * a2 + b3, z4 = w4 * a1 + w6 * a2 + b4, a3 = relu(z3), a4 = relu(z4);
  const double yhat = w7 * a3 + w8 * a4 + b5, ly = -2 * (y - yhat);
  const double e1 = w7 * step(z3) * w3 + w8 * step(z4) * w4, e2 = w7 * step(z3) * w5 + w8 * step(z4) * w6;
  const double d3 = ly * w7 * step(z3), d4 = ly * w8 * step(z4);
  const std::array expected{ly * e1 * step(z1) * x,
                            ly * e1 * step(z1),
                            ly * e2 * step(z2) * x,
                            ly * e2 * step(z2),
                            d3 * a1,
                            d3 * a2,
                            d3,
                            d4 * a1,
                            d4 * a2,
                            d4,
                            ly * a3,
                            ly * a4,
                            ly};
  ASSERT_EQ(pass.gradient.size(), expected.size());
  for (std::size_t p = 0; p < expected.size(); ++p) {
    EXPECT_NE(expected[p], 0);
    EXPECT_NEAR(pass.gradient[p], expected[p], 1e-6) << "parameter " << p;
  }
  EXPECT_NEAR(pass.loss, (y - yhat) * (y - yhat), 1e-6);
  EXPECT_EQ(pass.z[0], (std::vector<double>{z1, z2}));
  EXPECT_NEAR(pass.a[2][0], yhat, 1e-6);
}

}  // namespace
}  // namespace shoal
