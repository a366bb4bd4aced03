#include "export/network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shoal::exporting {

Output output_of(const Network& network) {
  switch (network.preprocessing.task) {
    case Task::regression:
      return Output::values;
    case Task::multilabel:
      return Output::sigmoids;
    case Task::classification:
      break;
  }
  return network.stored.trial.hyperparameters.loss == Loss::binary_cross_entropy ? Output::sigmoid : Output::softmax;
}

const std::vector<std::string>& output_names(const Network& network) {
  const Preprocessing& p = network.preprocessing;
  return p.task == Task::classification ? p.classes : p.target_names;
}

std::string description(const Network& network) {
  const Preprocessing& p = network.preprocessing;
  return fmt::format("trial {}: {} of {} by {} column{}", network.stored.trial.id, name(p.task),
                     fmt::join(p.target_names, ", "), p.columns.size(), p.columns.size() == 1 ? "" : "s");
}

}  // namespace shoal::exporting
