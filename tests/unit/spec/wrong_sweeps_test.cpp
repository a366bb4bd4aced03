// Every tests/spec/wrong/NAME.yaml must be refused with exactly the text of NAME.txt.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream out;
  out << stream.rdbuf();
  return out.str();
}

TEST(WrongSweeps, AreRefusedWithExactlyTheirMessages) {
  int n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SHOAL_SOURCE_DIR "/tests/spec/wrong")) {
    if (entry.path().extension() != ".yaml") continue;
    ++n_files;
    std::filesystem::path expected = entry.path();
    expected.replace_extension(".txt");
    EXPECT_TRUE(std::filesystem::exists(expected)) << expected << " is missing";
    std::string message = "accepted";
    try {
      static_cast<void>(parse_sweep(content(entry.path()), "sweep.yaml", "/data"));
    } catch (const InputError& error) {
      message = error.what();
    }
    EXPECT_EQ(message + '\n', content(expected)) << entry.path();
  }
  EXPECT_GE(n_files, 80);
}

std::string load_message(const std::filesystem::path& file) {
  try {
    static_cast<void>(load_sweep(file));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(WrongSweeps, MayBeNoFilesAtAll) {
  EXPECT_EQ(load_message("/no/such/sweep.yaml"), "/no/such/sweep.yaml: there is no such file");
  EXPECT_EQ(load_message("/tmp"), "/tmp: is a directory, not a sweep file");
  const std::string empty = SHOAL_SOURCE_DIR "/tests/spec/wrong/empty.yaml";
  EXPECT_EQ(load_message(empty), empty + ": is empty: a sweep file is a map with at least data.train");
}

TEST(WrongSweeps, MayContainThemselves) {
  EXPECT_THROW(static_cast<void>(parse_sweep("data: &a [*a]\n", "sweep.yaml", "/data")), InputError);
}

}  // namespace
}  // namespace shoal
