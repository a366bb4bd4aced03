#include "data/levels.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace shoal::data {
namespace {

/// Brings the levels into order: order[k] is the old code of the new level k.
template <class Less>
std::vector<std::uint32_t> sort_codes(std::size_t n_levels, std::vector<std::uint32_t>& codes, Less less) {
  std::vector<std::uint32_t> order(n_levels);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, less);
  std::vector<std::uint32_t> place(n_levels);
  for (std::uint32_t k = 0; k < n_levels; ++k) place[order[k]] = k;
  for (std::uint32_t& code : codes) code = place[code];
  return order;
}

}  // namespace

Levels levels_of(const Column& column) {
  Levels levels;
  if (!column.codes.empty()) {
    levels.codes = column.codes;
    std::vector<double> numbers(column.words.size(), 0.0);  // of words; texts that are none are equal
    for (std::size_t row = 0; row < column.numbers.size(); ++row) numbers[column.codes[row]] = column.numbers[row];
    const auto less = [&](std::uint32_t a, std::uint32_t b) {
      const std::string& left = column.words[a];
      const std::string& right = column.words[b];
      if (left.empty() || right.empty()) return right.empty() < left.empty();
      return std::tie(numbers[a], left) < std::tie(numbers[b], right);
    };
    for (const std::uint32_t old : sort_codes(column.words.size(), levels.codes, less)) {
      levels.texts.push_back(column.words[old]);
    }
    return levels;
  }
  std::vector<double> numbers;
  std::unordered_map<double, std::uint32_t> code_of;
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::uint32_t missing = kNone;
  levels.codes.reserve(column.numbers.size());
  for (const double number : column.numbers) {
    const auto next = static_cast<std::uint32_t>(numbers.size());
    // NaN equals nothing, itself included, and so has a place of its own.
    std::uint32_t& code = std::isnan(number) ? missing : code_of.try_emplace(number, kNone).first->second;
    if (code == kNone) {
      code = next;
      numbers.push_back(number);
    }
    levels.codes.push_back(code);
  }
  const auto less = [&](std::uint32_t a, std::uint32_t b) {
    if (a == missing || b == missing) return a == missing && b != missing;
    return numbers[a] < numbers[b];
  };
  for (const std::uint32_t old : sort_codes(numbers.size(), levels.codes, less)) {
    levels.texts.push_back(old == missing ? std::string() : text_of_number(numbers[old]));
  }
  return levels;
}

}  // namespace shoal::data
