#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>

namespace shoal::run {

/// Which networks' parameters are stored: the best so far, those that a rung ended after all others, ties by id.
/// Networks arrive in any order.
class KeptNetworks {
 public:
  /// `capacity` of 0 counts as 1: the winner is always stored.
  KeptNetworks(std::size_t capacity, bool maximize);

  struct Decision {
    bool keep = false;
    std::string forget;  ///< id of the one that must go; empty: none
  };
  /// A metric that is not finite is never kept. An id that is already there is replaced.
  Decision offer(const std::string& id, double metric, bool pruned = false);
  /// Id of the best; empty while there is none.
  [[nodiscard]] std::string best() const;

 private:
  struct Entry {
    bool pruned;
    double rank;  ///< smaller is better
    std::string id;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  std::size_t capacity_;
  bool maximize_;
  std::set<Entry> entries_;
};

}  // namespace shoal::run
