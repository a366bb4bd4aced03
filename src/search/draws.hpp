#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "search/choices.hpp"

namespace shoal::search {

/// The different settings among the draws of a random or Sobol search, by random access. Draw i depends on the seed, i
/// and the names of the axes alone.
class Draws {
 public:
  /// Draws until `n_wanted` different settings are found, or so many draws in vain that there are hardly more.
  /// `axes` and `base` must outlive the draws. Throws StoppedError when `stop` is requested.
  Draws(const std::vector<Choices>& axes, const Setting& base, Method method, std::uint64_t seed,
        std::uint64_t n_wanted, const std::stop_token& stop);
  ~Draws();
  Draws(const Draws&) = delete;
  Draws& operator=(const Draws&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept { return unique_.size(); }
  [[nodiscard]] std::uint64_t n_merged() const noexcept { return n_drawn_ - unique_.size(); }
  [[nodiscard]] const std::set<std::string>& dropped() const noexcept { return dropped_; }
  [[nodiscard]] Setting at(std::uint64_t index) const { return draw(unique_[index]); }
  /// As id_of() makes it.
  [[nodiscard]] std::string id(std::uint64_t index) const { return id_text(hashes_[index]); }

 private:
  struct Sobol;
  [[nodiscard]] Setting draw(std::uint32_t number) const;

  const std::vector<Choices>& axes_;
  const Setting& base_;
  std::uint64_t seed_;
  std::unique_ptr<const Sobol> sobol_;  ///< empty for random
  std::vector<std::uint32_t> unique_;   ///< numbers of the draws that are kept
  std::vector<std::uint64_t> hashes_;   ///< of their canonical texts, which take longer than all else of a draw
  std::uint64_t n_drawn_ = 0;
  std::set<std::string> dropped_;
};

}  // namespace shoal::search
