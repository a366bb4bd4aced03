#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shoal/sweep.hpp"

namespace shoal {

struct VerifyOptions {
  std::string engine;         ///< one of engines(); empty: all that are available
  std::uint64_t cases = 200;  ///< random networks a check
  std::uint64_t seed = 0;
};

/// One check of one engine over all cases.
struct VerifyRow {
  std::string engine;
  Precision precision = Precision::strict;
  std::string check;           ///< gradients, single steps, short runs, isolation or repeatability
  std::uint64_t n_cases = 0;   ///< those that the engine can train
  std::uint64_t n_values = 0;  ///< numbers compared
  double error = 0;            ///< of the value that comes nearest to its bound, or is furthest beyond
  double bound = 0;            ///< of that value; 0 where bits must be equal
  std::uint64_t n_breaches = 0;
  std::string first_breach{};  ///< case and value; empty: none
};

/// Compares engines with the reference, within bounds that are derived and not fitted (docs/numerics.md), and with
/// themselves, bit for bit: a trial alone and in company, and twice the same. Throws UnavailableError for an engine
/// that is unknown or cannot run here.
[[nodiscard]] std::vector<VerifyRow> verify_engines(const VerifyOptions& options);

}  // namespace shoal
