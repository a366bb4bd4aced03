#include "engine/cuda/host_metric.hpp"

#include "engine/definition.hpp"

namespace shoal::cuda {
std::size_t HostMetric::end_of(const WatchedBlock& block) const {
  const auto n_out = static_cast<std::size_t>(block.key->topology.n_outputs);
  return block.first_output + table_->split(block.key->fold).validation.size() * n_out * block.n_networks;
}

void HostMetric::measure(const DeviceBuffer<float>& outputs, std::span<const WatchedBlock> blocks) {
  for (std::size_t k = 0; k < blocks.size();) {
    const std::size_t first = blocks[k].first_output;
    std::size_t n_blocks = 1;
    while (k + n_blocks < blocks.size() && end_of(blocks[k + n_blocks]) - first <= most_outputs_) ++n_blocks;
    host_outputs_.resize(end_of(blocks[k + n_blocks - 1]) - first);
    copy_to_host(std::span(host_outputs_), outputs.get() + first, *stream_);
    stream_->wait();
    for (; n_blocks > 0; --n_blocks, ++k) measure(blocks[k], host_outputs_.data() + (blocks[k].first_output - first));
  }
}

void HostMetric::measure(const WatchedBlock& block, const float* outputs) {
  const Split& split = table_->split(block.key->fold);
  MetricCollector collector(table_->dataset(), split, block.key->loss, metric_);
  row_.resize(static_cast<std::size_t>(block.key->topology.n_outputs));
  for (std::uint32_t i = 0; i < block.n_networks; ++i) {
    if (block.records[i].ran == 0) continue;
    collector.clear();
    const float* next = outputs + i;
    for (const std::uint32_t row : split.validation) {
      for (float& output : row_) {
        output = *next;
        next += block.n_networks;
      }
      collector.add(row, 0.0F, row_);  // the loss is the kernel's
    }
    block.records[i].metric = metric_value(metric_, table_->dataset().task(), collector.sums());
  }
}

}  // namespace shoal::cuda
