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
  const std::string file = spec.file.string();
  const auto file_of = [&](const KeyPlace& place) {
    return place.assignment.empty() ? file : "override '" + place.assignment + "'";
  };
  bool all_placed = true;
  for (Diagnostic& fault : faults) {
    // What names no key is a file that cannot be read, or what follows faults of a table: `and 5 more`.
    const bool is_first = &fault == &faults.front();
    const std::string key = fault.path.empty() && is_first ? key_of(fault.file, spec.data) : fault.path;
    const KeyPlace* const place = fault.line > 0 ? nullptr : place_of(key, spec);
    if (place == nullptr) {
      all_placed = all_placed && fault.file == file;
      continue;
    }
    if (!fault.file.empty() && fault.file != file) fault.message = fault.file + ": " + fault.message;
    fault.path = key;
    fault.file = file_of(*place);
    fault.line = place->line;
  }
  // As the sweep file has them, overrides last; faults of a table are in its order.
  const auto order = [&](const Diagnostic& fault) { return std::pair(fault.file != file, fault.line); };
  if (all_placed) std::ranges::stable_sort(faults, {}, order);
  return InputError(std::move(faults));
}

}  // namespace shoal
