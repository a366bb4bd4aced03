#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shoal/sweep.hpp"

namespace shoal::run {

/// The safetensors files that a sweep names under parameters.init.
class InitialParameters {
 public:
  /// Reads them; paths are taken from the sweep file's folder. Throws InputError for every one that cannot be read.
  explicit InitialParameters(const SweepSpec& spec);

  /// Sets `start` where the trial begins with a file. InputError where its layers are not the trial's.
  void give(Trial& trial) const;
  /// Hash of each file's content, by the name in the sweep file.
  [[nodiscard]] std::map<std::string, std::uint64_t> hashes() const;

 private:
  struct File {
    std::vector<std::int64_t> sizes;
    std::shared_ptr<const std::vector<float>> parameters;
    std::uint64_t hash = 0;
  };
  std::string sweep_file_;
  std::map<std::string, File> files_;
};

}  // namespace shoal::run
