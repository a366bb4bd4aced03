#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace shoal::data {

/// Row r goes to fold fold_of[r]. Strata (class of a row; empty: none) are spread evenly: each stratum's count differs
/// by at most one between folds. Groups (empty: none) stay whole and override strata.
[[nodiscard]] std::vector<std::uint32_t> deal_folds(std::size_t n_rows, std::uint32_t n_folds,
                                                    std::span<const std::int32_t> strata,
                                                    std::span<const std::uint32_t> groups, std::uint64_t seed);

/// Whether row r is held out for validation: about `fraction` of the rows, of each stratum within one row of its share.
/// Groups stay whole and override strata; of several, at least one is held out and one is not.
[[nodiscard]] std::vector<bool> hold_out(std::size_t n_rows, double fraction, std::span<const std::int32_t> strata,
                                         std::span<const std::uint32_t> groups, std::uint64_t seed);

}  // namespace shoal::data
