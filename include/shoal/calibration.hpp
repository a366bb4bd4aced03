#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/costs.hpp"

namespace shoal {

/// A workload that was measured, seconds of an epoch.
struct CalibrationCheck {
  std::string kernel;
  std::string workload;  ///< `256 networks 10-8-2 relu, sgd`
  double measured_s = 0;
  double shipped_s = 0;  ///< as shipped costs predict
  double fitted_s = 0;   ///< as measured costs do
};

/// One of costs.hpp.
struct CalibratedCost {
  std::string name;
  double shipped_s = 0;
  double measured_s = 0;  ///< the shipped one where no workload tells
};

/// What an engine's kernels cost on this machine.
struct Calibration {
  std::string engine;  ///< `cpu`, `cuda`
  std::string device;  ///< what it runs on: the processor or GPU, EngineInfo's detail
  Costs costs;         ///< shipped ones where they are not the engine's
  std::vector<CalibratedCost> values;
  std::vector<CalibrationCheck> checks;
  double seconds = 0;  ///< that it took
};

/// Trains some small workloads on each kernel of engine `cpu` or `cuda` and finds the costs that predict them best,
/// no farther from the shipped ones than they ask for. A few seconds; other work on the machine is in the result.
/// Throws UnavailableError where the engine cannot run here.
[[nodiscard]] Calibration calibrate(std::string_view engine);
/// Keeps it for later runs in the cache folder (~/.cache/shoal/calibration, or XDG_CACHE_HOME's), a file a device;
/// where it now is. Throws Error where it cannot be written.
std::filesystem::path keep(const Calibration& calibration);

/// The costs that sweeps count with here.
struct CostsHere {
  Costs costs;
  std::string source;  ///< of them, engine by engine: `cpu: measured here`, `cpu: shipped (FILE is damaged)`
};
/// Measured ones where a calibration of this device by this version was kept, else shipped ones.
[[nodiscard]] CostsHere costs_here();

}  // namespace shoal
