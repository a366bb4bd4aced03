#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/run_directory.hpp"

namespace shoal::run {

/// A stored network and how much it counts among others.
struct ChosenNetwork {
  std::string id;
  double share = 1;
};

/// What `--trial` names: an id or its unique beginning, `best`, `top:K`, or `ensemble` (ensemble.json). InputError that
/// says what there is. Networks that are named may still not be stored.
[[nodiscard]] std::vector<ChosenNetwork> chosen_networks(const store::RunDirectory& directory, std::string_view which);
/// The same where only one network will do.
[[nodiscard]] std::string chosen_network(const store::RunDirectory& directory, std::string_view which);

/// Ids of the `count` best stored networks of trials, best first; fewer where there are fewer.
[[nodiscard]] std::vector<std::string> best_stored(const store::RunDirectory& directory, std::size_t count);

}  // namespace shoal::run
