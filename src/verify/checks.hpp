#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "shoal/verify.hpp"

namespace shoal::verify {

/// An engine in one of its precisions.
struct Candidate {
  std::string name;
  Precision precision = Precision::strict;
  std::function<std::unique_ptr<Engine>(const Dataset&, const EngineOptions&)> make;
};

/// All checks of one candidate. Of isolation a fast precision promises nothing: how cuBLAS adds depends on how many
/// networks there are.
[[nodiscard]] std::vector<VerifyRow> checked(const Candidate& candidate, const VerifyOptions& options);

}  // namespace shoal::verify
