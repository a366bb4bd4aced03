#include "search/draws.hpp"

#include <algorithm>
#include <boost/random/sobol.hpp>
#include <limits>
#include <unordered_set>

#include "kernels/math/philox.hpp"
#include "search/grid.hpp"
#include "shoal/error.hpp"

namespace shoal::search {
namespace {

/// Draws in vain, for each setting that is known and for one more, after which there are hardly others: one of n that
/// are drawn alike is missed so often with probability e^-64.
constexpr std::uint64_t kDrawsInVain = 64;

std::uint32_t axis_key(const Choices& axis) { return static_cast<std::uint32_t>(hash(axis.name())); }

std::uint64_t high_low(std::uint32_t high, std::uint32_t low) { return (static_cast<std::uint64_t>(high) << 32) | low; }

}  // namespace

/// A Sobol sequence with one dimension an axis that varies, and a random digital shift of each (L'Ecuyer & Lemieux
/// 2002).
struct Draws::Sobol {
  boost::random::sobol start;
  std::vector<std::uint64_t> shift;
};

Draws::Draws(const std::vector<Choices>& axes, const Setting& base, Method method, std::uint64_t seed,
             std::uint64_t n_wanted, const std::stop_token& stop)
    : axes_(axes), base_(base), seed_(seed) {
  const auto n_varying =
      static_cast<std::size_t>(std::ranges::count_if(axes, [](const Choices& axis) { return axis.size() != 1; }));
  if (method == Method::sobol && n_varying > 0) {
    auto sobol = std::make_unique<Sobol>(Sobol{boost::random::sobol(n_varying), {}});
    for (const Choices& axis : axes) {
      if (axis.size() == 1) continue;
      const math::Words4 words = math::random_words(math::Purpose::search, 0, axis_key(axis), 1, seed);
      sobol->shift.push_back(high_low(words.word[0], words.word[1]));
    }
    sobol_ = std::move(sobol);
  }
  std::unordered_set<std::uint64_t> seen;
  constexpr std::uint64_t kMostDraws = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t n_in_vain = 0;
  while (unique_.size() < n_wanted && n_drawn_ < kMostDraws && n_in_vain < kDrawsInVain * (unique_.size() + 1)) {
    if (stop.stop_requested()) throw StoppedError("stopped while settings were drawn, before any training");
    const auto number = static_cast<std::uint32_t>(n_drawn_++);
    const Setting setting = draw(number);
    note_dropped(axes_, setting, dropped_);
    const std::uint64_t hashed = hash(canonical_text(setting));
    if (!seen.insert(hashed).second) {
      ++n_in_vain;
      continue;
    }
    unique_.push_back(number);
    hashes_.push_back(hashed);
    n_in_vain = 0;
  }
}

Draws::~Draws() = default;

Setting Draws::draw(std::uint32_t number) const {
  Setting setting = base_;
  if (!sobol_) {
    for (const Choices& axis : axes_) {
      const math::Words4 words = math::random_words(math::Purpose::search, number, axis_key(axis), 0, seed_);
      axis.apply_at(math::open_unit(words.word[0], words.word[1]), setting);
    }
  } else {
    boost::random::sobol sequence = sobol_->start;
    // Boost leaves out the sequence's first point, the origin; with it, every 2^k draws fill the axes evenly.
    if (number > 0) sequence.seed(number - 1);
    std::size_t dimension = 0;
    for (const Choices& axis : axes_) {
      if (axis.size() == 1) {
        axis.apply(0, setting);
        continue;
      }
      const std::uint64_t bits = (number > 0 ? sequence() : 0) ^ sobol_->shift[dimension++];
      axis.apply_at(math::open_unit(static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)), setting);
    }
  }
  settle(setting);
  return setting;
}

}  // namespace shoal::search
