// The real program, from outside.
#include <gtest/gtest.h>

#include "program.hpp"

namespace shoal::cli {
namespace {

Outcome shoal(const std::vector<std::string>& arguments) { return Program(SHOAL_BINARY, arguments).wait(); }

TEST(ShoalBinary, TeachesByExample) {
  const Outcome help = shoal({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("shoal sweep examples/letters.yaml"), std::string::npos);
  for (const char* command : {"sweep", "plan", "top", "predict", "info"}) {
    const Outcome outcome = shoal({command, "--help"});
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_NE(outcome.out.find("Examples:\n  shoal " + std::string(command)), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(ShoalBinary, SaysItsVersionAndEngines) {
  EXPECT_EQ(shoal({"--version"}).code, 0);
  EXPECT_TRUE(shoal({"--version"}).out.starts_with("shoal "));
  const Outcome info = shoal({"info"});
  EXPECT_EQ(info.code, 0);
  EXPECT_NE(info.out.find("cpu"), std::string::npos);
}

TEST(ShoalBinary, EndsWith2ForWrongUse) {
  EXPECT_EQ(shoal({"swep"}).code, 2);
  EXPECT_EQ(shoal({"swep"}).err, "shoal: unknown command 'swep'; did you mean 'sweep'?\nshoal: see `shoal --help`\n");
  const Outcome option = shoal({"top", "somewhere", "--jsn"});
  EXPECT_EQ(option.code, 2);
  EXPECT_TRUE(option.err.starts_with("shoal: unknown option '--jsn' of top; did you mean '--json'?\n")) << option.err;
  const Outcome absent = shoal({"plan", "/no/such/file.yaml"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_TRUE(absent.err.starts_with("shoal: ")) << absent.err;
}

}  // namespace
}  // namespace shoal::cli
