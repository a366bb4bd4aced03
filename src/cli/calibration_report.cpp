#include "cli/calibration_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "shoal/calibration.hpp"

namespace shoal::cli {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Calibration& calibration, const std::string& file) {
  ordered_json costs = ordered_json::array();
  for (const CalibratedCost& cost : calibration.values) {
    costs.push_back({{"name", cost.name}, {"shipped_s", cost.shipped_s}, {"measured_s", cost.measured_s}});
  }
  ordered_json checks = ordered_json::array();
  for (const CalibrationCheck& check : calibration.checks) {
    checks.push_back({{"kernel", check.kernel},
                      {"workload", check.workload},
                      {"measured_s", check.measured_s},
                      {"predicted_shipped_s", check.shipped_s},
                      {"predicted_s", check.fitted_s}});
  }
  return {{"engine", calibration.engine},
          {"device", calibration.device},
          {"file", file},
          {"seconds", calibration.seconds},
          {"costs", costs},
          {"checks", checks}};
}

void print_report(const Calibration& calibration, const std::string& file) {
  const auto number = [](double value) { return fmt::format("{:.3g}", value); };
  Table costs{{{"cost, seconds"}, {"shipped", true}, {"measured", true}}, {}};
  for (const CalibratedCost& cost : calibration.values) {
    costs.rows.push_back({cost.name, number(cost.shipped_s), number(cost.measured_s)});
  }
  Table checks{{{"an epoch"}, {"kernel"}, {"measured", true}, {"shipped", true}, {"fitted", true}}, {}};
  for (const CalibrationCheck& check : calibration.checks) {
    checks.rows.push_back(
        {check.workload, check.kernel, number(check.measured_s), number(check.shipped_s), number(check.fitted_s)});
  }
  print(fmt::format("engine    {} ({})\nfile      {}\ntook      {}\n\n", calibration.engine, calibration.device, file,
                    duration(calibration.seconds)));
  print(rendered(costs, 0) + "\n" + rendered(checks, 0));
}

}  // namespace

int run_calibration(const std::string& engine, bool json) {
  const Calibration calibration = calibrate(engine);
  const std::string file = keep(calibration).string();
  if (json) {
    print_json(json_of(calibration, file));
  } else {
    print_report(calibration, file);
  }
  return kDone;
}

}  // namespace shoal::cli
