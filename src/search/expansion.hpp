#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "search/settings.hpp"
#include "shoal/sweep.hpp"

namespace shoal::search {

/// The settings of a sweep by random access, equal ones merged.
class Expansion {
 public:
  virtual ~Expansion() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual std::uint64_t n_merged() const = 0;
  /// Setting i, 0 <= i < size(). `defaults`: what parameters without an axis have.
  [[nodiscard]] virtual Settings at(std::uint64_t i) const = 0;
};

/// Every combination of the axes' values. The axes that decide which parameters are used (solver, architecture, ...)
/// vary slowest; among them and among the others, the last one of the file varies fastest.
[[nodiscard]] std::unique_ptr<Expansion> make_grid(const std::vector<Axis>& axes, const Settings& defaults);

/// `n` draws. Parameter p of draw i depends on the seed, i and p's name alone, so another parameter or a larger n
/// changes none of them.
[[nodiscard]] std::unique_ptr<Expansion> make_random(const std::vector<Axis>& axes, const Settings& defaults,
                                                     std::uint64_t n, std::uint64_t seed);

/// The first `n` points of a Sobol sequence (Joe & Kuo 2010's directions), shifted digit by digit by the seed. One
/// dimension an axis, in the order of the file.
[[nodiscard]] std::unique_ptr<Expansion> make_sobol(const std::vector<Axis>& axes, const Settings& defaults,
                                                    std::uint64_t n, std::uint64_t seed);

/// Choices of an axis: its values, or the whole numbers of int_uniform; 0 for a distribution of real numbers.
[[nodiscard]] std::uint64_t n_choices(const Axis& axis);
/// Applies choice k of an axis.
void apply_choice(const Axis& axis, std::uint64_t k, Settings& settings);

}  // namespace shoal::search
