// The real program, from outside.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "program.hpp"

namespace shoal::cli {
namespace {

Outcome shoal(const std::vector<std::string>& arguments) { return Program(SHOAL_BINARY, arguments).wait(); }

TEST(ShoalBinary, TeachesByExample) {
  const Outcome help = shoal({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("shoal sweep examples/letters.yaml"), std::string::npos);
  for (const char* command :
       {"sweep", "plan", "top", "predict", "replay", "report", "export", "ensemble", "info", "verify", "bench"}) {
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

/// The engine's entry in `shoal info --json`.
nlohmann::json engine_info(const std::string& engine) {
  const auto all = nlohmann::json::parse(shoal({"info", "--json"}).out);
  for (const auto& info : all["engines"]) {
    if (info["name"] == engine) return info;
  }
  return nullptr;
}

/// A new one, with a table and tiny.yaml.
std::string folder_with_sweep() {
  std::string folder = "/tmp/shoal_cli_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no folder in /tmp");
  std::ofstream table(folder + "/table.csv");
  table << "x,y\n";
  for (int i = 0; i < 40; ++i) table << i << ',' << 2 * i + 1 << '\n';
  std::ofstream(folder + "/tiny.yaml") << "data: {train: table.csv, target: y, validation: 0.25}\n"
                                          "method: grid\n"
                                          "parameters: {hidden_layer_sizes: [2], max_iter: 2}\n";
  return folder;
}

TEST(ShoalBinary, SaysWhichNameTheSystemDoesNotTake) {
  const std::string folder = folder_with_sweep();
  const std::string out = folder + "/" + std::string(300, 'a');
  const Outcome sweep = shoal({"sweep", folder + "/tiny.yaml", "--out", out});
  EXPECT_EQ(sweep.code, 1);
  EXPECT_EQ(sweep.err, "shoal: " + out + ": File name too long\n");
  std::filesystem::remove_all(folder);
}

TEST(ShoalBinary, RunsOnAMachineWithoutCudaAndSaysWhatIsMissing) {
  const nlohmann::json cuda = engine_info("cuda");
  if (cuda["available"]) GTEST_SKIP() << "this machine has a GPU: " << cuda["detail"];
  const auto why = cuda["detail"].get<std::string>();
  EXPECT_NE(why, "");

  const Outcome info = shoal({"info"});
  EXPECT_EQ(info.code, 0);
  EXPECT_EQ(info.err, "");
  for (const std::string& line : {std::string("\nreference available: "), std::string("\ncpu       available: "),
                                  "\ncuda      not available: " + why}) {
    EXPECT_NE(info.out.find(line), std::string::npos) << info.out;
  }

  const std::string folder = folder_with_sweep();
  const Outcome sweep = shoal({"sweep", folder + "/tiny.yaml", "--out", folder + "/run"});
  EXPECT_EQ(sweep.code, 0) << sweep.err;
  EXPECT_TRUE(std::filesystem::exists(folder + "/run/results.csv"));
  const Outcome on_gpu = shoal({"sweep", folder + "/tiny.yaml", "--engine", "cuda", "--out", folder + "/other"});
  EXPECT_EQ(on_gpu.code, 2);
  EXPECT_EQ(on_gpu.out, "");
  EXPECT_EQ(on_gpu.err,
            "shoal: override 'trainer.engine=cuda': trainer.engine: engine cuda is not available: " + why + "\n");
  EXPECT_FALSE(std::filesystem::exists(folder + "/other"));
  std::filesystem::remove_all(folder);
}

#ifdef SHOAL_STUB_DRIVER
TEST(ShoalBinary, KnowsTheToolkitsStubFromADriver) {
  const Outcome info = Program("/usr/bin/env", {"LD_LIBRARY_PATH=" SHOAL_STUB_DRIVER, SHOAL_BINARY, "info"}).wait();
  EXPECT_EQ(info.code, 0);
  EXPECT_NE(info.out.find("\ncuda      not available: libcuda.so.1 is the CUDA toolkit's stub"), std::string::npos)
      << info.out;
}
#endif

TEST(ShoalBinary, MeasuresEveryWorkloadAfterItChecksThem) {
  const Outcome bench = shoal({"bench", "--networks", "5", "--rows", "40", "--repetitions", "1", "--json"});
  EXPECT_EQ(bench.code, 0) << bench.err;
  EXPECT_EQ(bench.err, "");
  const auto json = nlohmann::json::parse(bench.out);
  ASSERT_EQ(json["workloads"].size(), 5U);
  for (const auto& workload : json["workloads"]) {
    EXPECT_EQ(workload["ok"], true) << workload;
    EXPECT_EQ(workload["repetitions"], 1) << workload;
    EXPECT_GT(workload["share_of_peak"], 0) << workload;
    for (const auto& check : workload["checks"]) EXPECT_GE(check["networks"], 1) << workload;
  }
  const Outcome unknown = shoal({"bench", "--workload", "leters"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err, "shoal: workload: there is no 'leters'; did you mean 'letters'?\n");
  EXPECT_EQ(shoal({"bench", "--engine", "cqu"}).err, "shoal: there is no engine 'cqu'; did you mean 'cpu'?\n");
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
