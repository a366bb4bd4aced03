// The one file that names every engine.
#include <algorithm>
#include <array>
#include <string>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/reference/reference_engine.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "spec/nearest.hpp"

namespace shoal {
namespace {

struct Maker {
  std::string_view name;
  EngineInfo (*info)();
  std::unique_ptr<Engine> (*make)(const Dataset&, const EngineOptions&);
};

constexpr std::array kMakers{
    Maker{"reference", reference_engine_info, make_reference_engine},
    Maker{"cpu", cpu_engine_info,
          [](const Dataset& dataset, const EngineOptions& options) { return make_cpu_engine(dataset, options); }},
    Maker{"cuda", cuda_engine_info, make_cuda_engine},
    Maker{"cublas", cublas_engine_info, make_cublas_engine},
};

/// What `auto` takes: for strict precision the engine that is always there; for the others the one that keeps networks
/// on the multiprocessors, unless the table has to stay on the host (docs/decisions/tensor-cores.md).
std::string_view automatic(const Dataset& dataset, const EngineOptions& options) {
  if (options.precision == Precision::strict) return "cpu";
  return cublas_engine_info().available && streams_table(dataset, options) ? "cublas" : "cuda";
}

const Maker* maker_of(std::string_view name) {
  const auto* found = std::ranges::find(kMakers, name, &Maker::name);
  return found == kMakers.end() ? nullptr : found;
}

/// `fp32, tf32, bf16`.
std::string listed(const std::vector<Precision>& precisions) {
  std::string text;
  for (const Precision precision : precisions) text += (text.empty() ? "" : ", ") + std::string(name(precision));
  return text;
}

}  // namespace

std::vector<EngineInfo> engines() {
  std::vector<EngineInfo> all;
  for (const Maker& maker : kMakers) all.push_back(maker.info());
  return all;
}

std::unique_ptr<Engine> make_engine(std::string_view name, const Dataset& dataset, const EngineOptions& options) {
  if (name == "auto") name = automatic(dataset, options);
  const Maker* maker = maker_of(name);
  if (maker == nullptr) {
    std::vector<std::string_view> known;
    for (const Maker& m : kMakers) known.push_back(m.name);
    throw UnavailableError("there is no engine '" + std::string(name) + "'" + suggestion(name, known));
  }
  const EngineInfo info = maker->info();
  if (!info.available) throw UnavailableError("engine " + std::string(name) + " is not available: " + info.detail);
  if (std::ranges::find(info.precisions, options.precision) == info.precisions.end()) {
    throw UnavailableError("'" + std::string(shoal::name(options.precision)) + "': engine " +
                           std::string(name) + " computes in " + listed(info.precisions) + " only" +
                           (info.on_gpu ? " (" + info.detail + ")" : ""));
  }
  return maker->make(dataset, options);
}

}  // namespace shoal
