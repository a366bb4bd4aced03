#pragma once

#include <string>
#include <vector>

#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {

/// `column 'age'`
[[nodiscard]] std::string column_path(const std::string& name);

/// Collects faults of tables, the first few in full.
class Faults {
 public:
  void add(const Table& table, std::size_t row, const std::string& column, const std::string& message);
  void add(Diagnostic diagnostic);
  /// Counts a fault whose text is not needed any more; false where it still is.
  [[nodiscard]] bool only_counts();
  [[nodiscard]] bool any() const noexcept { return !found_.empty(); }
  /// Throws InputError if there were any.
  void finish();

 private:
  static constexpr std::size_t kMost = 10;
  std::vector<Diagnostic> found_;
  std::size_t n_more_ = 0;
};

}  // namespace shoal::data
