#include "shoal/verify.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "shoal/engine.hpp"
#include "verify/checks.hpp"

namespace shoal {
namespace {

/// The engine's own name, that of `auto` too. Throws UnavailableError where there is none or it cannot run here.
std::string engine_named(const std::string& word) {
  const std::vector<EngineInfo> all = engines();
  const auto found = std::ranges::find(all, word, &EngineInfo::name);
  const Precision precision = found == all.end() ? Precision::strict : found->precisions.front();
  const Dataset nothing;
  return std::string(make_engine(word, nothing, {.precision = precision})->name());
}

}  // namespace

std::vector<VerifyRow> verify_engines(const VerifyOptions& options) {
  std::vector<EngineInfo> infos = engines();
  if (options.engine.empty()) {
    std::erase_if(infos, [](const EngineInfo& info) { return !info.available; });
  } else {
    std::erase_if(infos,
                  [wanted = engine_named(options.engine)](const EngineInfo& info) { return info.name != wanted; });
  }
  std::vector<VerifyRow> rows;
  for (const EngineInfo& info : infos) {
    for (const Precision precision : info.precisions) {
      const auto make = [&](const Dataset& dataset, const EngineOptions& engine_options) {
        return make_engine(info.name, dataset, engine_options);
      };
      for (VerifyRow& row : verify::checked({info.name, precision, make}, options)) rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace shoal
