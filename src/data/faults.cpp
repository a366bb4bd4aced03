#include "data/faults.hpp"

#include <fmt/format.h>
#include <utility>

namespace shoal::data {

std::string column_path(const std::string& name) { return fmt::format("column '{}'", name); }

void Faults::add(const Table& table, std::size_t row, const std::string& column, const std::string& message) {
  std::string path = column_path(column);
  if (table.line(row) == 0) path += fmt::format(", row {}", row);
  add({table.file, table.line(row), path, message});
}

void Faults::add(Diagnostic diagnostic) {
  if (!only_counts()) found_.push_back(std::move(diagnostic));
}

bool Faults::only_counts() {
  if (found_.size() < kMost) return false;
  ++n_more_;
  return true;
}

void Faults::finish() {
  if (found_.empty()) return;
  if (n_more_ > 0) found_.push_back({found_.back().file, 0, {}, fmt::format("and {} more", n_more_)});
  throw InputError(std::move(found_));
}

}  // namespace shoal::data
