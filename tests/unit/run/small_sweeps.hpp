#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shoal/run.hpp"

namespace shoal::small {

/// A folder of its own that goes with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// 90 rows of two numbers and a class of three that depends on them.
void write_classes(const std::filesystem::path& file);
/// 80 rows of two numbers and y = 300 + 40 * (a - b) + a * b.
void write_regression(const std::filesystem::path& file);

/// Two hidden layer sizes x the learning rates x 6 epochs of adam over `table`; minibatches of 16, ranked by `metric`.
[[nodiscard]] SweepSpec sweep(const std::filesystem::path& table, Metric metric,
                              const std::vector<double>& learning_rates = {0.01, 0.03});

[[nodiscard]] std::string content(const std::filesystem::path& file);
[[nodiscard]] std::vector<std::string> lines(const std::string& text);

/// Runs into `out` without looking at the progress.
RunSummary run_into(const SweepSpec& spec, const std::filesystem::path& out, bool resume = false);

}  // namespace shoal::small
