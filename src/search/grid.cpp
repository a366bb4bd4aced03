#include <algorithm>
#include <set>

#include "search/expansion.hpp"
#include "shoal/error.hpp"

namespace shoal::search {
namespace {

bool is_controlling(const Axis& axis) {
  return axis.parameters.size() > 1 ||
         std::ranges::any_of(axis.parameters, [](const std::string& p) { return controls(p); });
}

/// a * b, or Error where that is no 64-bit number.
std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw Error("method: the grid has more settings than can be counted");
  return result;
}

/// The axis without the values that repeat an earlier one.
Axis without_repeats(const Axis& axis) {
  Axis out = axis;
  out.values.clear();
  for (const std::vector<ParameterValue>& choice : axis.values) {
    if (std::ranges::find(out.values, choice) == out.values.end()) out.values.push_back(choice);
  }
  return out;
}

/// One combination of the controlling axes, and which of the free ones count under it.
struct Block {
  std::uint64_t first = 0;  ///< its first setting
  std::uint64_t size = 1;
  Settings settings;
  std::vector<std::uint32_t> used;  ///< indices of free axes
};

class Grid final : public Expansion {
 public:
  Grid(const std::vector<Axis>& axes, const Settings& defaults) {
    std::vector<Axis> controlling;
    std::uint64_t n_raw = 1;
    for (const Axis& axis : axes) {
      n_raw = product(n_raw, n_choices(axis));
      (is_controlling(axis) ? controlling : free_).push_back(without_repeats(axis));
    }
    std::uint64_t n_blocks = 1;
    for (const Axis& axis : controlling) n_blocks = product(n_blocks, n_choices(axis));
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < n_blocks; ++i) {
      Block block;
      block.settings = defaults;
      apply(controlling, i, block.settings);
      if (!seen.insert(identity(block.settings)).second) continue;
      for (std::uint32_t a = 0; a < free_.size(); ++a) {
        if (!uses_axis(block.settings, free_[a])) continue;
        block.used.push_back(a);
        block.size = product(block.size, n_choices(free_[a]));
      }
      block.first = size_;
      size_ += block.size;
      blocks_.push_back(std::move(block));
    }
    n_merged_ = n_raw - size_;
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] std::uint64_t n_merged() const override { return n_merged_; }

  [[nodiscard]] Settings at(std::uint64_t i) const override {
    const auto after = std::ranges::upper_bound(blocks_, i, {}, &Block::first);
    const Block& block = *std::prev(after);
    Settings settings = block.settings;
    std::uint64_t rest = i - block.first;
    for (std::size_t k = block.used.size(); k-- > 0;) {
      const Axis& axis = free_[block.used[k]];
      apply_choice(axis, rest % n_choices(axis), settings);
      rest /= n_choices(axis);
    }
    return settings;
  }

 private:
  static void apply(const std::vector<Axis>& axes, std::uint64_t i, Settings& settings) {
    for (std::size_t a = axes.size(); a-- > 0;) {
      apply_choice(axes[a], i % n_choices(axes[a]), settings);
      i /= n_choices(axes[a]);
    }
  }

  /// A seed is used where it is given, so its axis always is.
  static bool uses_axis(const Settings& settings, const Axis& axis) {
    return axis.parameters.front() == "seed" || uses(settings, axis.parameters.front());
  }

  std::vector<Axis> free_;
  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;
  std::uint64_t n_merged_ = 0;
};

}  // namespace

std::uint64_t n_choices(const Axis& axis) {
  if (!axis.distribution) return axis.values.size();
  if (*axis.distribution != Distribution::int_uniform) return 0;
  return static_cast<std::uint64_t>(axis.max - axis.min) + 1;
}

void apply_choice(const Axis& axis, std::uint64_t k, Settings& settings) {
  if (axis.distribution) {
    set_parameter(settings, axis.parameters.front(),
                  static_cast<std::int64_t>(axis.min) + static_cast<std::int64_t>(k));
    return;
  }
  for (std::size_t p = 0; p < axis.parameters.size(); ++p)
    set_parameter(settings, axis.parameters[p], axis.values[k][p]);
}

std::unique_ptr<Expansion> make_grid(const std::vector<Axis>& axes, const Settings& defaults) {
  return std::make_unique<Grid>(axes, defaults);
}

}  // namespace shoal::search
