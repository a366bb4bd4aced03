#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "shoal/data.hpp"

namespace shoal::test {

/// A folder of its own for the files that a test writes; gone with the object.
class TableFolder {
 public:
  TableFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "shoal_data_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TableFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TableFolder(const TableFolder&) = delete;
  TableFolder& operator=(const TableFolder&) = delete;

  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path good_table(const std::string& name) {
  return std::filesystem::path(SHOAL_SOURCE_DIR) / "tests/data/good" / name;
}

inline DataSpec spec_of(const std::filesystem::path& train) {
  DataSpec spec;
  spec.train = train;
  return spec;
}

}  // namespace shoal::test
