// What is done to many networks at once is done by parts where there are too many.
#include <gtest/gtest.h>
#include <span>
#include <vector>

#include "engine/cuda/host_metric.hpp"
#include "engine/cuda/probe.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

/// One output, targets 1 and 3 in the validation rows, scaled as they are.
Dataset two_validation_rows() {
  testing::Random random(1);
  Dataset data = testing::random_dataset(random, Task::regression, 8, 1, 1);
  data.targets = {0, 0, 0, 0, 0, 0, 1, 3};
  data.splits[0].targets = {.offset = {0}, .factor = {1}, .unit = {1}};
  return data;
}

TEST(SHOAL_CUDA_SUITE, HostComputesTheMetricOfEachNetworkThatRan) {
  const Dataset data = two_validation_rows();
  GangKey key;
  key.topology = {1, {}, {}, 1};
  const cuda::Stream stream;
  const cuda::DeviceTable table(data, stream);
  // [row][network] of three networks, then of two.
  const std::vector<float> outputs{1, 1, 5, 3, 7, 3, 4, 1, 3, 0};
  const auto on_device = cuda::uploaded(std::span<const float>(outputs), stream);
  for (const std::size_t most_outputs : {std::size_t{1}, std::size_t{6}, cuda::kOutputsInCopy}) {
    std::vector<cuda::NetworkRecord> records(5);
    for (const std::size_t ran : {0U, 1U, 3U, 4U}) records[ran].ran = 1;
    const cuda::WatchedBlock blocks[] = {{&key, 3, 0, records.data()}, {&key, 2, 6, records.data() + 3}};
    cuda::HostMetric(Metric::val_mae, table, stream, most_outputs).measure(on_device, blocks);
    EXPECT_EQ(records[0].metric, 0);    // 1 and 3
    EXPECT_EQ(records[1].metric, 2);    // 1 and 7
    EXPECT_EQ(records[2].metric, 0);    // did not run
    EXPECT_EQ(records[3].metric, 1.5);  // 4 and 3
    EXPECT_EQ(records[4].metric, 1.5);  // 1 and 0
  }
}

TEST(SHOAL_CUDA_SUITE, ManyNetworksAreMeasuredAsEachAlone) {
  testing::Random random(4715);
  testing::Sweep sweep = testing::random_sweep(random, 0);
  sweep.trials.push_back(sweep.trials.back());  // two networks that do not fit into shared memory
  sweep.trials.back().seed += 1;
  sweep.gangs.push_back({sweep.gangs.back().key, static_cast<Slot>(sweep.gangs.size()), 1, true, true});
  const cuda::Stream stream;
  cuda::DeviceTable table(sweep.data, stream);
  std::vector<cuda::ProbedNetwork> networks;
  for (const Trial& trial : sweep.trials) {
    networks.push_back({gang_key(trial), trial.hyperparameters, initial_state(trial).parameters});
  }
  for (const std::size_t most_floats : {std::size_t{1}, cuda::kProbeFloats}) {
    cuda::Probe probe(table, stream, most_floats);
    probe.prepare(sweep.gangs);
    for (const RowSet set : {RowSet::validation, RowSet::test}) {
      const std::vector<MetricSums> together = probe.measure(networks, set);
      ASSERT_EQ(together.size(), networks.size());
      for (std::size_t i = 0; i < networks.size(); ++i) {
        const std::vector<MetricSums> alone = probe.measure({&networks[i], 1}, set);
        ASSERT_EQ(alone.size(), 1U);
        EXPECT_EQ(together[i].loss, alone[0].loss);
        EXPECT_EQ(together[i].n_predicted, alone[0].n_predicted);
        EXPECT_EQ(together[i].n_ordered_pairs, alone[0].n_ordered_pairs);
      }
    }
  }
}

}  // namespace
}  // namespace shoal
