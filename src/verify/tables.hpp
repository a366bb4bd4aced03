#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "shoal/data.hpp"

namespace shoal::verify {

/// A table whose numbers reach the network as they are: every row is for training and for validation, nothing is
/// scaled. Classification: `targets` holds the rows' classes.
inline Dataset plain_dataset(Task task, std::vector<float> inputs, std::size_t n_inputs, std::vector<float> targets,
                             std::size_t n_targets) {
  Dataset dataset;
  dataset.name = "test";
  dataset.n_rows = inputs.size() / n_inputs;
  dataset.inputs = std::move(inputs);
  dataset.preprocessing.task = task;
  dataset.preprocessing.n_inputs = static_cast<std::int32_t>(n_inputs);
  for (std::size_t t = 0; t < n_targets; ++t) {
    auto& names = task == Task::classification ? dataset.preprocessing.classes : dataset.preprocessing.target_names;
    names.push_back("t" + std::to_string(t));
  }
  if (task == Task::classification) {
    dataset.preprocessing.target_names = {"class"};
    for (const float target : targets) dataset.labels.push_back(static_cast<std::int32_t>(target));
  } else {
    dataset.preprocessing.target_centre.assign(n_targets, 0.0);
    dataset.targets = std::move(targets);
  }
  Split split;
  split.training.resize(dataset.n_rows);
  std::iota(split.training.begin(), split.training.end(), 0U);
  split.validation = split.training;
  split.inputs = {std::vector<float>(n_inputs, 0.0F), std::vector<float>(n_inputs, 1.0F),
                  std::vector<float>(n_inputs, 0.0F)};
  split.targets = {std::vector<float>(n_targets, 0.0F), std::vector<float>(n_targets, 1.0F),
                   std::vector<double>(n_targets, 1.0)};
  dataset.splits = {std::move(split)};
  return dataset;
}

}  // namespace shoal::verify
