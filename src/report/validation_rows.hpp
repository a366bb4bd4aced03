#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "store/run_directory.hpp"

namespace shoal::report {

/// Counts of a table of classes: rows are the actual ones, columns the predicted ones.
struct Confusion {
  std::string label;                  ///< multilabel: whose presence this is; else empty
  std::vector<std::string> classes;   ///< at most 50: where there are more, the last one stands for all rare ones
  std::vector<std::uint64_t> counts;  ///< [actual][predicted]
};

/// Actual and predicted values of one target, in the table's units.
struct TargetFit {
  std::string name;
  std::vector<double> actual, predicted;  ///< at most 2000 evenly spread rows
  double rmse = 0, mae = 0;               ///< of all rows
};

/// A network's predictions on the rows that its split held out, from the table that the run read.
struct ValidationRows {
  std::string why_not;  ///< empty; or why there is nothing of the following
  std::uint32_t fold = 0;
  std::size_t n_rows = 0;
  double training_rows = 0;  ///< of a split on average
  std::vector<Confusion> confusions;
  std::vector<TargetFit> fits;
};
/// id: of a stored network. Never throws for what is wrong with the table: it may have changed since.
[[nodiscard]] ValidationRows validation_rows(const store::RunDirectory& directory, const std::string& id);

/// actual, predicted: places in `classes`.
[[nodiscard]] Confusion confusion_of(const std::vector<std::string>& classes, const std::vector<std::size_t>& actual,
                                     const std::vector<std::size_t>& predicted);
/// actual, predicted: [row].
[[nodiscard]] TargetFit fit_of(std::string name, const std::vector<double>& actual,
                               const std::vector<double>& predicted);

}  // namespace shoal::report
