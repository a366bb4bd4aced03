#pragma once

#include <cstddef>
#include <span>

namespace shoal::cpu {

/// Whether a minibatch of a network is work enough for threads that divide every layer of it.
[[nodiscard]] bool is_divisible(std::size_t n_parameters, std::size_t rows_in_minibatch);

/// What a thread does at a time, alone or, where it is divisible, with all the others.
struct Share {
  double cost;
  bool divisible;
};
/// How many of the first shares, longest first, all threads should divide one after another before each takes one of
/// the rest: as few as leave no thread idle for long at the end.
[[nodiscard]] std::size_t n_divided(std::span<const Share> shares, std::size_t n_threads);

}  // namespace shoal::cpu
