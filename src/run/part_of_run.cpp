#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "shoal/error.hpp"
#include "shoal/run.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

/// Beginnings of the names in a run directory that are the run itself; reports and ensembles can be made again.
constexpr std::array<std::string_view, 7> kOwnNames{"manifest.json", "results.",   "timings.csv", "lineage.csv",
                                                    "models",        "checkpoint", ".lock"};

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

}  // namespace

std::string part_of_run(const fs::path& run, const fs::path& file) {
  std::error_code ignored;
  const fs::path inside = fs::weakly_canonical(file, ignored).lexically_relative(fs::weakly_canonical(run, ignored));
  const std::string name = inside.empty() ? "" : inside.begin()->string();
  if (std::ranges::any_of(kOwnNames, [&](std::string_view own) { return name.starts_with(own); })) {
    return inside.string() + " of the run";
  }
  SweepSpec spec;
  try {
    spec = sweep_of(run);
  } catch (const Error&) {
    return {};  // nobody writes anything of what is no run
  }
  const auto* validation = std::get_if<fs::path>(&spec.data.validation);
  if (is_same(file, spec.data.train)) return "the run's table";
  if (validation != nullptr && is_same(file, *validation)) return "the run's validation table";
  if (spec.data.test && is_same(file, *spec.data.test)) return "the run's test table";
  return is_same(file, spec.file) ? "the run's sweep file" : "";
}

}  // namespace shoal
