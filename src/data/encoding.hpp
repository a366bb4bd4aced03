#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/table.hpp"
#include "shoal/data.hpp"
#include "shoal/error.hpp"

namespace shoal::data {

/// Collects faults of tables, the first few in full.
class Faults {
 public:
  void add(const Table& table, std::size_t row, const std::string& column, const std::string& message);
  void add(Diagnostic diagnostic);
  [[nodiscard]] bool any() const noexcept { return !found_.empty(); }
  /// Throws InputError if there were any.
  void finish();

 private:
  static constexpr std::size_t kMost = 10;
  std::vector<Diagnostic> found_;
  std::size_t n_more_ = 0;
};

/// The text of a cell: as in the file where its column is text, else the shortest form of the number; "" if missing.
[[nodiscard]] std::string cell_text(const Column& column, std::size_t row);
/// All different texts of a column: numbers in their order, texts bytewise, the missing one first.
[[nodiscard]] std::vector<std::string> different_texts(const Column& column);

/// How the columns `inputs` of a table become network inputs; `categorical[i]` says that inputs[i] is one-hot.
void describe_inputs(const Table& table, const std::vector<std::size_t>& inputs, const std::vector<bool>& categorical,
                     Preprocessing& preprocessing, Faults& faults);

/// Where a table holds each input column: by name, or by position in a table without a header that has just these.
[[nodiscard]] std::vector<std::size_t> match_inputs(const Preprocessing& preprocessing, const Table& table);

/// Appends the table's rows to `inputs`, n_inputs floats a row.
void encode_inputs(const Preprocessing& preprocessing, const Table& table, const std::vector<std::size_t>& at,
                   std::vector<float>& inputs, Faults& faults);

/// Whether encoded input j is numeric, so that scaling applies to it.
[[nodiscard]] std::vector<bool> numeric_inputs(const Preprocessing& preprocessing);
/// Of encoded input j: what was subtracted before it was stored.
[[nodiscard]] std::vector<double> input_centres(const Preprocessing& preprocessing);

}  // namespace shoal::data
