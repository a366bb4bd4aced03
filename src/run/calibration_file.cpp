#include "run/calibration_file.hpp"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/cache_folder.hpp"
#include "data/file_bytes.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Raised when a cost changes its meaning.
constexpr int kFormat = 1;

/// The processor's name; empty where the machine does not say.
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

namespace run {

std::string device_of(std::string_view engine) {
  for (const EngineInfo& info : engines()) {
    if (info.name != engine || !info.available) continue;
    return engine == "cpu" ? processor() + ", " + info.detail : info.detail;
  }
  return {};
}

fs::path calibration_file(std::string_view engine, const std::string& device) {
  const fs::path folder = data::cache_folder();
  if (folder.empty()) return {};
  return folder / "calibration" / (std::string(engine) + "-" + std::to_string(data::hash_bytes(device, 0)) + ".json");
}

std::string calibration_text(const Calibration& calibration) {
  Costs costs = calibration.costs;
  json values = json::object();
  for (const NamedCost& cost : named_costs()) {
    if (cost.engine == calibration.engine) values[std::string(cost.name)] = cost.of(costs);
  }
  const json file{{"format", kFormat},
                  {"version", version().version},
                  {"engine", calibration.engine},
                  {"device", calibration.device},
                  {"costs", values}};
  return file.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string read_calibration(std::string_view text, std::string_view engine, const std::string& device, Costs& costs) {
  try {
    const json file = json::parse(text);
    if (file.at("format") != kFormat || file.at("version") != version().version) return "is of another version";
    if (file.at("engine") != engine || file.at("device") != device) return "is of another device";
    Costs read = costs;
    for (const NamedCost& cost : named_costs()) {
      if (cost.engine != engine) continue;
      const double value = file.at("costs").at(std::string(cost.name)).get<double>();
      if (!std::isfinite(value) || value < 0) return "is damaged";
      cost.of(read) = value;
    }
    costs = read;
    return {};
  } catch (const json::exception&) {
    return "is damaged";
  }
}

}  // namespace run

fs::path keep(const Calibration& calibration) {
  const fs::path file = run::calibration_file(calibration.engine, calibration.device);
  if (file.empty()) throw Error("there is no folder to keep a calibration in: neither XDG_CACHE_HOME nor HOME is set");
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw Error("cannot create " + file.parent_path().string() + ": " + error.message());
  store::write_atomically(file, run::calibration_text(calibration));
  return file;
}

CostsHere costs_here() {
  CostsHere here;
  for (const char* engine : {"cpu", "cuda"}) {
    const std::string device = run::device_of(engine);
    if (device.empty()) continue;
    here.source += (here.source.empty() ? "" : "; ") + std::string(engine) + ": ";
    const fs::path path = run::calibration_file(engine, device);
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      here.source += "shipped";
      continue;
    }
    std::ostringstream text;
    text << file.rdbuf();  // of a folder or a failing disk nothing, which is damaged
    const std::string fault = run::read_calibration(text.str(), engine, device, here.costs);
    here.source += fault.empty() ? "measured here" : "shipped (" + path.string() + " " + fault + ")";
  }
  return here;
}

}  // namespace shoal
