#include "search/grid.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "shoal/error.hpp"

namespace shoal::search {
namespace {

constexpr std::uint64_t kMostCombinations = 20'000'000;

std::uint64_t product(std::uint64_t a, std::uint64_t b, const std::string& file) {
  constexpr std::uint64_t kMost = 1ULL << 62;
  if (b != 0 && a > kMost / b) {
    throw InputError({file, 0, "parameters", "the grid has more than 2^62 settings: give fewer values"});
  }
  return a * b;
}

}  // namespace

void note_dropped(const std::vector<Choices>& axes, const Setting& settled, std::set<std::string>& dropped) {
  for (const Choices& axis : axes) {
    for (const std::string& name : axis.parameters()) {
      if (!parameter(name).used(settled)) dropped.insert(name);
    }
  }
}

Grid::Grid(const std::vector<Choices>& axes, const Setting& base, const std::string& file) : base_(base) {
  std::uint64_t n_combinations = 1;
  for (const Choices& axis : axes) {
    (axis.controlling() ? controlling_ : free_).push_back(&axis);
    listed_ = product(listed_, axis.listed(), file);
    if (axis.controlling()) n_combinations *= axis.size();
  }
  if (n_combinations > kMostCombinations) {
    throw InputError({file, 0, "parameters",
                      "layer sizes, activation lists, solver, momentum, learning_rate and n_iter_no_change make " +
                          std::to_string(n_combinations) + " combinations, at most " +
                          std::to_string(kMostCombinations) + " can be told apart"});
  }
  std::unordered_set<std::uint64_t> seen;
  for (std::uint64_t combination = 0; combination < n_combinations; ++combination) {
    // Free axes are at the base's values here: they differ between no two combinations.
    Setting setting = controlled(combination);
    std::uint64_t n = 1;
    for (const Choices* axis : free_) {
      // `seed` is used where it is given, and an axis gives it.
      const std::string& name = axis->parameters()[0];
      if (name == "seed" || parameter(name).used(setting)) n = product(n, axis->size(), file);
      if (name != "seed" && !parameter(name).used(setting)) dropped_.insert(name);
    }
    for (const Choices* axis : controlling_) {
      for (const std::string& name : axis->parameters()) {
        if (!parameter(name).used(setting)) dropped_.insert(name);
      }
    }
    settle(setting);
    if (!seen.insert(hash(canonical_text(setting))).second) continue;
    blocks_.push_back({combination, size_});
    size_ += n;
  }
}

Setting Grid::controlled(std::uint64_t combination) const {
  Setting setting = base_;
  for (auto axis = controlling_.rbegin(); axis != controlling_.rend(); ++axis) {
    (*axis)->apply(combination % (*axis)->size(), setting);
    combination /= (*axis)->size();
  }
  return setting;
}

Setting Grid::at(std::uint64_t index) const {
  const auto after = std::ranges::upper_bound(blocks_, index, {}, &Block::first);
  const Block& block = *std::prev(after);
  Setting setting = controlled(block.combination);
  std::uint64_t rest = index - block.first;
  for (auto axis = free_.rbegin(); axis != free_.rend(); ++axis) {
    const std::string& name = (*axis)->parameters()[0];
    if (name != "seed" && !parameter(name).used(setting)) continue;
    (*axis)->apply(rest % (*axis)->size(), setting);
    rest /= (*axis)->size();
  }
  settle(setting);
  return setting;
}

}  // namespace shoal::search
