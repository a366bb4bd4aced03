#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "shoal/calibration.hpp"

namespace shoal::run {

/// What engine's costs are kept for: processor or GPU, and how the engine uses it. Empty where it cannot run here.
[[nodiscard]] std::string device_of(std::string_view engine);
/// Where they are kept; empty without a cache folder.
[[nodiscard]] std::filesystem::path calibration_file(std::string_view engine, const std::string& device);

/// A calibration's costs as a file's text.
[[nodiscard]] std::string calibration_text(const Calibration& calibration);
/// Takes the engine's costs of such a text into `costs`. Empty, or why the text is not of this device and version and
/// `costs` are as they were.
[[nodiscard]] std::string read_calibration(std::string_view text, std::string_view engine, const std::string& device,
                                           Costs& costs);

}  // namespace shoal::run
