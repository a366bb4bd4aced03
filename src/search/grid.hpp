#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "search/choices.hpp"

namespace shoal::search {

/// Every different setting of axes with countable choices, by random access and without a list of them.
///
/// Axes whose value decides what else is used are enumerated; their combinations that mean the same are merged, and
/// each that is left owns a block of settings: the mixed-radix product of the other axes it uses.
class Grid {
 public:
  /// `axes` and `base` must outlive the grid. Throws InputError naming `file` where the grid is too large to count.
  Grid(const std::vector<Choices>& axes, const Setting& base, const std::string& file);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t n_merged() const noexcept { return listed_ - size_; }
  /// Given parameters that some setting does not use.
  [[nodiscard]] const std::set<std::string>& dropped() const noexcept { return dropped_; }
  [[nodiscard]] Setting at(std::uint64_t index) const;

 private:
  struct Block {
    std::uint64_t combination;  ///< of the controlling axes
    std::uint64_t first;        ///< index of its first setting
  };
  [[nodiscard]] Setting controlled(std::uint64_t combination) const;

  const Setting& base_;
  std::vector<const Choices*> controlling_;
  std::vector<const Choices*> free_;
  std::vector<Block> blocks_;
  std::set<std::string> dropped_;
  std::uint64_t size_ = 0;
  std::uint64_t listed_ = 1;
};

/// Adds the parameters of `axes` that the settled setting does not use.
void note_dropped(const std::vector<Choices>& axes, const Setting& settled, std::set<std::string>& dropped);

}  // namespace shoal::search
