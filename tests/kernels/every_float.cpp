// Every strict formula at every float, with the widest SIMD target of the machine: `every_float` prints one JSON
// document with the worst error of each. Exit code 1 if one is beyond its bound. Some minutes on two cores.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "formula_bounds.hpp"
#include "formula_targets.hpp"

namespace {

using shoal::testing::FormulaBound;

struct Worst {
  double share = -1;
  float at = 0;
};

/// Over the floats whose bits lie in [first, end), both multiples of kBlock.
constexpr std::uint64_t kBlock = 4096;
Worst worst_of(const FormulaBound& formula, void (*apply)(const float*, float*, std::size_t), std::uint64_t first,
               std::uint64_t end) {
  alignas(64) std::array<float, kBlock> from{};
  alignas(64) std::array<float, kBlock> to{};
  Worst worst;
  for (std::uint64_t bits = first; bits < end; bits += kBlock) {
    for (std::uint64_t i = 0; i < kBlock; ++i) from[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits + i));
    apply(from.data(), to.data(), kBlock);
    for (std::size_t i = 0; i < kBlock; ++i) {
      const double share = shoal::testing::share_of_bound(formula, from[i], to[i]);
      if (share > worst.share) worst = {share, from[i]};
    }
  }
  return worst;
}

Worst worst_of_all(const FormulaBound& formula, void (*apply)(const float*, float*, std::size_t)) {
  const std::uint64_t n_threads = std::max(1U, std::thread::hardware_concurrency());
  constexpr std::uint64_t kFloats = 1ULL << 32;
  const std::uint64_t share = kFloats / n_threads / kBlock * kBlock;
  std::vector<Worst> found(n_threads);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < n_threads; ++t) {
      threads.emplace_back(
          [&, t] { found[t] = worst_of(formula, apply, t * share, t + 1 == n_threads ? kFloats : (t + 1) * share); });
    }
  }
  return *std::ranges::max_element(found, {}, &Worst::share);
}

}  // namespace

int main() {
  const FormulaTarget target = formula_targets().front();
  nlohmann::ordered_json formulas = nlohmann::ordered_json::array();
  bool ok = true;
  for (const FormulaBound& formula : shoal::testing::kFormulaBounds) {
    const auto* listed =
        std::ranges::find(shoal::testing::kScalarFormulas, formula.name, &shoal::testing::ScalarFormula::name);
    const auto index = static_cast<std::size_t>(listed - shoal::testing::kScalarFormulas.begin());
    const Worst worst = worst_of_all(formula, target.formulas.at(index));
    ok = ok && worst.share <= 1;
    nlohmann::ordered_json entry = {{"formula", formula.name}, {"inputs", 1ULL << 32}};
    if (formula.bound == nullptr) {
      entry["worst_ulp"] = worst.share * formula.most_ulps;
      entry["bound_ulp"] = formula.most_ulps;
    } else {
      entry["worst_share_of_absolute_bound"] = worst.share;
    }
    entry["at"] = worst.at;
    formulas.push_back(entry);
    std::fprintf(stderr, "%s\n", entry.dump().c_str());
  }
  std::puts(nlohmann::ordered_json{{"target", target.name}, {"formulas", formulas}}.dump(2).c_str());
  return ok ? 0 : 1;
}
