#include <algorithm>
#include <utility>

#include "shoal/sweep.hpp"

namespace shoal {
namespace {

/// The key whose value is the file; empty: none.
std::string key_of(const std::string& file, const DataSpec& data) {
  if (file == data.train.string()) return "data.train";
  if (data.test && file == data.test->string()) return "data.test";
  const auto* const validation = std::get_if<std::filesystem::path>(&data.validation);
  return validation != nullptr && file == validation->string() ? "data.validation" : "";
}

/// Of the key, or of the nearest one above it that was written.
const KeyPlace* place_of(std::string path, const SweepSpec& spec) {
  for (;;) {
    const auto found = spec.places.find(path);
    if (found != spec.places.end()) return &found->second;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos) return nullptr;
    path.resize(dot);
  }
}

}  // namespace

InputError placed(const InputError& error, const SweepSpec& spec) {
  std::vector<Diagnostic> faults = error.diagnostics();
  for (Diagnostic& fault : faults) {
    if (fault.line > 0) continue;  // of the table
    const std::string key = fault.path.empty() ? key_of(fault.file, spec.data) : fault.path;
    const KeyPlace* const place = place_of(key, spec);
    if (place == nullptr) continue;
    if (!fault.file.empty() && fault.file != spec.file.string()) fault.message = fault.file + ": " + fault.message;
    fault.path = key;
    fault.file = place->assignment.empty() ? spec.file.string() : "override '" + place->assignment + "'";
    fault.line = place->line;
  }
  std::ranges::stable_sort(faults, {}, &Diagnostic::line);
  return InputError(std::move(faults));
}

}  // namespace shoal
