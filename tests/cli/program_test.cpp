// The whole command line in its own process, over stand-ins whose answers are known.
#include <csignal>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "with_doubles.hpp"

namespace shoal::cli {
namespace {

TEST(Program, PrintsHelpOfEveryCommand) {
  for (const char* command :
       {"sweep", "plan", "top", "predict", "report", "export", "ensemble", "info", "verify", "bench"}) {
    const Outcome help = shoal({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("Examples:\n  shoal " + std::string(command)), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("Usage: shoal " + std::string(command) + " [OPTIONS]"), std::string::npos) << help.out;
    EXPECT_EQ(help.err, "");
  }
  EXPECT_EQ(shoal({"--version"}).out, "shoal 9.8.7\n");
}

TEST(Program, AnswersWrongUseWithOneLineAndAHint) {
  const auto err = [](const std::vector<std::string>& arguments) {
    const Outcome outcome = shoal(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(err({}), "shoal: no command was given\nshoal: see `shoal --help`\n");
  EXPECT_EQ(err({"swep", "a.yaml"}),
            "shoal: unknown command 'swep'; did you mean 'sweep'?\nshoal: see `shoal --help`\n");
  EXPECT_EQ(err({"qqqqqq"}), "shoal: unknown command 'qqqqqq'\nshoal: see `shoal --help`\n");
  EXPECT_TRUE(err({"sweep", "a.yaml", "--resum"})
                  .starts_with("shoal: unknown option '--resum' of sweep; did you mean '--resume'?\n"));
  EXPECT_EQ(err({"--jsn"}), "shoal: unknown option '--jsn'\nshoal: see `shoal --help`\n");
  EXPECT_TRUE(err({"sweep", "a.yaml", "--resume"}).starts_with("shoal: --resume needs --out DIR"));
  EXPECT_TRUE(err({"top", "d", "--by", "val_acuracy"})
                  .starts_with("shoal: --by: unknown metric 'val_acuracy'; did you mean 'val_accuracy'?\n"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"sweep"},
                                                {"top", "d", "-n", "x"},
                                                {"top", "d", "-q"},
                                                {"top", "d", "e"},
                                                {"predict", "d"}}) {
    EXPECT_TRUE(err(words).starts_with("shoal: ")) << words.front();
  }
}

TEST(Program, NamesTheHelpOfTheCommandWhoseOptionIsWrong) {
  EXPECT_EQ(shoal({"sweep", "ok.yaml", "--ouf", "x"}).err,
            "shoal: unknown option '--ouf' of sweep; did you mean '--out'?\nshoal: see `shoal sweep --help`\n");
  EXPECT_EQ(shoal({"bench", "--jsn"}).err,
            "shoal: unknown option '--jsn' of bench; did you mean '--json'?\nshoal: see `shoal bench --help`\n");
}

TEST(Program, SaysWhatNumbersOptionsTake) {
  struct Case {
    std::vector<std::string> words;
    std::string range;
  };
  const std::string of_counts = "from 1 to 4294967295";
  const std::string of_threads = "from 1 to 65536";
  const std::string of_wholes = "from 1 to 9007199254740992";
  for (const Case& wrong : {Case{{"bench", "--threads", "99999999"}, of_threads},
                            {{"bench", "--threads", "1.5"}, of_threads},
                            {{"bench", "--rows", "1e3"}, of_counts},
                            {{"bench", "--networks", "99999999999999999999"}, of_counts},
                            {{"bench", "--repetitions", "0"}, of_counts},
                            {{"bench", "--memory", "-5"}, of_wholes},
                            {{"verify", "--cases", "many"}, "from 1 to 100000000"},
                            {{"verify", "--seed", "-1"}, "from 0 to 9007199254740992"},
                            {{"sweep", "a.yaml", "--threads", "-2"}, of_threads},
                            {{"plan", "a.yaml", "--threads", "0"}, of_threads},
                            {{"replay", "d", "--trial", "best", "--threads", "65537"}, of_threads},
                            {{"ensemble", "d", "--size", "100001"}, "from 1 to 100000"},
                            {{"top", "d", "-n", "2.5"}, of_wholes}}) {
    const Outcome outcome = shoal(wrong.words);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    const std::string& option = wrong.words.at(wrong.words.size() - 2);
    EXPECT_EQ(outcome.err, "shoal: " + option + ": must be a whole number " + wrong.range + ", is '" +
                               wrong.words.back() + "'\nshoal: see `shoal " + wrong.words.front() + " --help`\n");
  }
}

TEST(Program, RefusesAnEmptyPlaceForWhatItWrites) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"sweep", "a.yaml"},
                                                {"predict", "d", "--trial", "best", "--data", "x.csv"},
                                                {"report", "d"},
                                                {"ensemble", "d"}}) {
    for (const std::vector<std::string>& empty : {std::vector<std::string>{"--out", ""}, {"-o", ""}}) {
      std::vector<std::string> all = words;
      all.insert(all.end(), empty.begin(), empty.end());
      const Outcome outcome = shoal(all);
      EXPECT_EQ(outcome.code, 2);
      EXPECT_EQ(outcome.out, "");
      EXPECT_EQ(outcome.err,
                "shoal: --out: must be a path, is empty; without the option there is a default\n"
                "shoal: see `shoal " +
                    words.front() + " --help`\n");
    }
  }
}

TEST(Program, GivesEachFailureItsCodeAndLines) {
  const Outcome wrong = shoal({"plan", "wrong.yaml"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err,
            "shoal: wrong.yaml:3: metod: unknown key\nshoal: wrong.yaml:9: run_cap: must be at least 1, is 0\n");
  const Outcome absent = shoal({"plan", "absent.yaml"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_EQ(absent.err, "shoal: engine cuda: this build has no CUDA\n");
  const Outcome broken = shoal({"plan", "broken.yaml"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_EQ(broken.err, "shoal: cannot read table.csv: Input/output error\n");
  const Outcome stopped = shoal({"sweep", "stopped.yaml"});
  EXPECT_EQ(stopped.code, 3);
  EXPECT_EQ(stopped.err, "shoal: stopped before any training\n");
  const Outcome bug = shoal({"plan", "bug.yaml"});
  EXPECT_EQ(bug.code, 1);
  EXPECT_EQ(bug.err, "shoal: unexpected failure: index 7 of 3\n");
  const Outcome threads = shoal({"sweep", "threads.yaml"});
  EXPECT_EQ(threads.code, 1);
  EXPECT_EQ(
      threads.err,
      "shoal: the system does not start so many threads: give fewer (--threads N), or raise its limit (ulimit -u)\n");
  EXPECT_EQ(shoal({"top", "none"}).code, 2);
}

TEST(Program, PlansWithOverridesInOrder) {
  const Outcome plan =
      shoal({"plan", "a.yaml", "run_cap=5", "--threads", "2", "trainer.engine=cuda", "--engine", "cpu"});
  EXPECT_EQ(plan.code, 0);
  EXPECT_EQ(plan.out,
            "engine    cpu (run_cap=5;trainer.engine=cuda;trainer.engine=cpu;trainer.threads=2;), precision strict\n"
            "trials    4 of 2 settings, 1 merged as equal\n"
            "dropped   momentum (where a setting does not use them)\n"
            "memory    4.0 KiB of 1.0 GiB, 1 chunk\n"
            "work      1.25M network-samples, about 1m 15s\n"
            "costs     cpu: shipped\n"
            "note      task: classification\n"
            "\n"
            "network     kernel              time  trials  gangs  params   memory  else\n"
            "2-3-1 relu  core_per_network  1m 15s       4      1      13  2.0 KiB  lane 2m 30s\n");
  const auto json = nlohmann::json::parse(shoal({"plan", "a.yaml", "--json"}).out);
  EXPECT_EQ(json["rows"][0]["n_parameters"], 13);
  EXPECT_EQ(json["rows"][0]["predicted_s"], 75);
  EXPECT_EQ(json["rows"][0]["others"][0]["kernel"], "lane_per_network");
  EXPECT_EQ(json["rows"][0]["others"][0]["predicted_s"], 150);
  EXPECT_EQ(json["network_samples"], 1250000);
}

TEST(Program, CalibratesAndPrintsWhatIsShippedBesideIt) {
  const Outcome run = shoal({"bench", "--calibrate"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out,
            "engine    cpu (a processor)\n"
            "file      calibration/cpu-1.json\n"
            "took      2.0 s\n"
            "\n"
            "cost, seconds  shipped  measured\n"
            "core_vector    2.6e-10  3.25e-10\n"
            "\n"
            "an epoch                       kernel            measured  shipped  fitted\n"
            "16 networks 1-2-2-1 relu, sgd  core_per_network     0.004    0.003  0.0041\n");
  const auto json = nlohmann::json::parse(shoal({"bench", "--calibrate", "--json"}).out);
  EXPECT_EQ(json["costs"][0]["measured_s"], 3.25e-10);
  EXPECT_EQ(json["checks"][0]["predicted_s"], 0.0041);
}

TEST(Program, RefusesToCalibrateWithWhatOnlyWorkloadsHave) {
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{{"--workload", "seed"},
                                                                                      {"--precision", "tf32"},
                                                                                      {"--threads", "1"},
                                                                                      {"--networks", "5"},
                                                                                      {"--rows", "5"},
                                                                                      {"--repetitions", "1"},
                                                                                      {"--seconds", "1"},
                                                                                      {"--memory", "1000000"}}) {
    const Outcome outcome = shoal({"bench", "--calibrate", option, value});
    EXPECT_EQ(outcome.code, 2) << option;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "shoal: " + option + " excludes --calibrate\nshoal: see `shoal bench --help`\n");
  }
}

TEST(Program, WritesPlainLinesToAPipeAndARankedTable) {
  const Outcome sweep = shoal({"sweep", "a.yaml"});
  EXPECT_EQ(sweep.code, 0);
  EXPECT_EQ(sweep.err, "");
  EXPECT_EQ(sweep.out.find('\x1b'), std::string::npos);
  EXPECT_TRUE(
      sweep.out.starts_with("4 trials of 2 settings, engine cpu, about 1m 15s\n"
                            "1 setting became equal to another one and were merged\n"
                            "not used by some settings, so dropped there: momentum\n"
                            "task: classification\n"
                            "results: runs/letters-1\n"
                            "  0% 0/4 trials, 0 samples/s, 0.0 s elapsed, ETA -\n"
                            "100% 4/4 trials, 2.50M samples/s, best 3fa9c1d2e4b5a697 val_accuracy 0.9, "
                            "1 diverged, 0.0 s elapsed, ETA 0.0 s\n"
                            "no kernels are built\n"
                            "\n4 of 4 trials done in 2.0 s, 1 diverged, 2.50M network-samples/s\n"
                            "\nrank  trial             val_accuracy  epochs  hidden_layer_sizes  alpha\n"
                            "   1  3fa9c1d2e4b5a697           0.9      30  [64, 64]            0.001\n"))
      << sweep.out;
  EXPECT_TRUE(
      sweep.out.ends_with("\nresults are in runs/letters-1\n"
                          "next:\n"
                          "  shoal top runs/letters-1 -n 20\n"
                          "  shoal predict runs/letters-1 --trial best --data new.csv --out predictions.csv\n"))
      << sweep.out;
}

TEST(Program, SaysThatTheWinnerIsTrainedOnAllRows) {
  EXPECT_NE(shoal({"sweep", "folds.yaml"}).out.find("training setting 3fa9c1d2e4b5a697 on all rows, 30 epochs\n"),
            std::string::npos);
}

TEST(Program, ListsMeansOfSettingsWhereTheyHaveSeveralTrials) {
  EXPECT_EQ(shoal({"top", "folds"}).out,
            "rank  setting           mean val_accuracy  std. error  trials  epochs  status    alpha\n"
            "   1  3fa9c1d2e4b5a697                0.9      0.0125       3      30  finished  0.001\n"
            "   2  3fa9c1d2e4b5a697                0.9      0.0125  1 of 3   3.333  pruned    0.001\n"
            "2 of 2 settings (6 trials), largest mean first; --trials lists trials\n");
  const auto json = nlohmann::json::parse(shoal({"top", "folds", "-n", "1", "--json"}).out);
  EXPECT_EQ(json["n_settings"], 2);
  EXPECT_EQ(json["rows"][0]["standard_error"], 0.0125);
  EXPECT_EQ(json["rows"][0]["n_wanted"], 3);
  EXPECT_TRUE(shoal({"top", "folds", "--trials", "-n", "1"}).out.starts_with("rank  trial "));
}

TEST(Program, ReplaysANetworkAndSaysWhetherItsBitsAreEqual) {
  const Outcome equal = shoal({"replay", "runs/x", "--trial", "3fa9", "--engine", "cpu", "--threads", "2"});
  EXPECT_EQ(equal.code, 0);
  EXPECT_EQ(equal.out,
            "3fa9: 40 epochs in 3 segments from the initial parameters of trainer.engine=cpu;trainer.threads=2;: the "
            "bits that are stored\n");
  const Outcome odd = shoal({"replay", "runs/x", "--trial", "odd"});
  EXPECT_EQ(odd.code, 1);
  EXPECT_TRUE(odd.out.ends_with(": 2 of 13 parameters are not what is stored\n")) << odd.out;
  const auto json = nlohmann::json::parse(shoal({"replay", "runs/x", "--trial", "odd", "--json"}).out);
  EXPECT_EQ(json["different"], 2);
  EXPECT_EQ(json["equal"], false);
  EXPECT_EQ(shoal({"replay", "runs/x"}).code, 2);
}

TEST(Program, VerifiesAndSaysWhatIsWrong) {
  const Outcome right = shoal({"verify", "--cases", "7"});
  EXPECT_EQ(right.code, 0);
  EXPECT_EQ(right.out,
            "engine  precision  check      cases  values  worst error  its bound  verdict\n"
            "cpu     strict     gradients      7    4000      1.5e-08    2.5e-07  ok\n");
  const Outcome wrong = shoal({"verify", "--seed", "13", "--engine", "cuda", "--json"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "shoal: cuda strict, gradients: case 4, gradient 7: 1, not 2 (seed 13)\n");
  const auto json = nlohmann::json::parse(wrong.out);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["checks"][0]["breaches"], 2);
  EXPECT_EQ(shoal({"verify", "--cases", "0"}).code, 2);
}

TEST(Program, MeasuresSpeedBesideThePeak) {
  const Outcome bench = shoal({"bench", "--networks", "1", "--rows", "5", "--repetitions", "9", "--engine", "cpu"});
  EXPECT_EQ(bench.code, 0);
  EXPECT_EQ(bench.err, "");
  EXPECT_EQ(bench.out,
            "engine     cpu (AVX2, 2 threads), precision strict\n"
            "processor  A processor\n"
            "peak       a probe\n"
            "\n"
            "workload  networks  rows  runs  network-samples/s  lowest  highest  GFLOP/s  peak   share\n"
            "seed             1     5     9              1.00G    900M    1.10G     44.0    88  50.0 %\n"
            "\n"
            "a row takes  flops  biases  exponentials  updates a step  activations\n"
            "seed            44      10             0              13  4 relu\n"
            "\n"
            "checked  networks  worst error  allowed  against\n"
            "seed            2          0.5        0  the bits of others\n");
  const Outcome machine = shoal({"bench", "--workload", "deep", "--json", "--threads", "2", "--precision", "bf16"});
  EXPECT_EQ(machine.code, 0);
  EXPECT_EQ(machine.err, "");
  const auto json = nlohmann::json::parse(machine.out);
  EXPECT_EQ(json["machine"], "A processor");
  EXPECT_EQ(json["precision"], "bf16");
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["version"], "9.8.7");
  const auto& deep = json["workloads"][0];
  EXPECT_EQ(deep["workload"], "deep");
  EXPECT_EQ(deep["flops_per_sample"], 44);
  EXPECT_EQ(deep["network_samples_per_s"], 1e9);
  EXPECT_EQ(deep["network_samples_per_s_range"], nlohmann::json({9e8, 1.1e9}));
  EXPECT_EQ(deep["share_of_peak"], 0.5);
  EXPECT_EQ(deep["peak_gflops"], 88);
}

TEST(Program, TimesNothingThatIsWrongAndSaysSo) {
  const Outcome wrong = shoal({"bench", "--networks", "2"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "shoal: seed: not timed: 1 of 2 networks wrong: the bits of others\n");
  const auto json = nlohmann::json::parse(shoal({"bench", "--networks", "2", "--json"}).out);
  EXPECT_EQ(json["workloads"][0]["ok"], false);
  EXPECT_FALSE(json["workloads"][0].contains("network_samples_per_s"));
}

TEST(Program, AnswersWrongWordsOfTheBenchWithTheNearestRightOne) {
  EXPECT_EQ(shoal({"bench", "--workload", "sede"}).err, "shoal: workload: there is no 'sede'; did you mean 'seed'?\n");
  const Outcome precision = shoal({"bench", "--precision", "fp23"});
  EXPECT_EQ(precision.code, 2);
  EXPECT_TRUE(precision.err.starts_with("shoal: --precision: unknown precision 'fp23'; did you mean 'fp32'?\n"))
      << precision.err;
  EXPECT_TRUE(shoal({"bench", "--repetition", "2"}).err.starts_with("shoal: unknown option '--repetition' of bench"));
  EXPECT_EQ(shoal({"bench", "--repetitions", "0"}).code, 2);
}

TEST(Program, StopsTheBenchOnASignalAndShowsWhatItHas) {
  Program program(SHOAL_WITH_DOUBLES, {"bench", "--networks", "3"});
  ASSERT_TRUE(program.says("began"));
  program.signal(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("stopping; what is measured so far is shown\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("seed            44"), std::string::npos) << outcome.out;
}

TEST(Program, PrintsOneJsonDocumentAndNothingElse) {
  const Outcome sweep = shoal({"sweep", "a.yaml", "--json", "--out", "runs/x"});
  EXPECT_EQ(sweep.code, 0);
  EXPECT_EQ(sweep.err, "");
  const auto json = nlohmann::json::parse(sweep.out);
  EXPECT_EQ(json["out"], "runs/x");
  EXPECT_EQ(json["interrupted"], false);
  EXPECT_EQ(json["test"], nullptr);
  EXPECT_EQ(json["best"]["rows"].size(), 10U);
  EXPECT_EQ(json["best"]["rows"][2]["metric"], nullptr);
  const auto cuda = nlohmann::json::parse(shoal({"info", "--json"}).out)["engines"][1];
  EXPECT_EQ(cuda["available"], false);
  EXPECT_EQ(
      cuda["kernels"][1],
      nlohmann::json({{"name", "second_kernel"}, {"evidence", "older"}, {"gpu", "GPU B"}, {"date", "2026-01-01"}}));
}

TEST(Program, SaysWhichKernelsAGpuHasRun) {
  EXPECT_EQ(shoal({"info"}).out,
            "shoal     9.8.7\n"
            "compiler  g++ 12\n"
            "CUDA      built without CUDA\n"
            "\n"
            "cpu       available: AVX2, 2 threads [strict]\n"
            "cuda      not available: built without CUDA\n"
            "\n"
            "costs of kernels, for plans and the choice of kernels: cpu: shipped\n"
            "\n"
            "kernel (sm_90a)           ran on\n"
            "first_kernel              GPU A, 2026-01-02\n"
            "second_kernel             GPU B, 2026-01-01; evidence older than the kernel\n"
            "third_kernel              no GPU yet\n");
}

TEST(Program, StopsOnTheFirstSignalAndSaysHowToGoOn) {
  for (int number : {SIGINT, SIGTERM}) {
    Program program(SHOAL_WITH_DOUBLES, {"sweep", "slow.yaml", "parameters.alpha=[0, 1]", "--out", "runs/x"});
    ASSERT_TRUE(program.says("  0% 0/4 trials"));
    program.signal(number);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.err, "");
    EXPECT_NE(outcome.out.find("\nstopping; results so far are kept\n"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("  shoal sweep slow.yaml 'parameters.alpha=[0, 1]' --out runs/x --resume\n"),
              std::string::npos);
  }
}

TEST(Program, ExitsAtOnceOnTheSecondSignal) {
  Program program(SHOAL_WITH_DOUBLES, {"sweep", "slow.yaml", "--resume", "--out", "runs/x"});
  ASSERT_TRUE(program.says("  0% 0/4 trials"));
  program.signal(SIGINT);
  ASSERT_TRUE(program.says("stopping; results so far are kept"));
  program.signal(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out.find("results are in"), std::string::npos) << "it did not wait";
}

TEST(Program, IsQuietWhenItsReaderGoesAway) {
  const std::string command = std::string("set -o pipefail; ") + SHOAL_WITH_DOUBLES + " top d -n 40000 | head -1";
  const Outcome outcome = Program("/bin/bash", {"-c", command}).wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, " rank  trial             val_accuracy  epochs  hidden_layer_sizes  alpha\n");
}

TEST(Program, SaysThatItsOutputCouldNotBeWritten) {
  const std::string command = std::string(SHOAL_WITH_DOUBLES) + " top d -n 40000 > /dev/full";
  const Outcome outcome = Program("/bin/bash", {"-c", command}).wait();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "shoal: cannot write the output: No space left on device\n");
}

TEST(Program, PredictsToTheScreenOrAFile) {
  const Outcome printed = shoal({"predict", "d", "--trial", "best", "--data", "x.csv"});
  EXPECT_EQ(printed.out, "B as CSV\n");
  EXPECT_EQ(printed.err, "note: x.csv: line 1 is the header\n");
  EXPECT_EQ(shoal({"predict", "d", "--trial", "ab", "--data", "x.csv", "--out", "/dev/null"}).out,
            "2 predictions by trial ab written to /dev/null\n");
  const auto json = nlohmann::json::parse(shoal({"predict", "d", "--trial", "ab", "--data", "x.csv", "--json"}).out);
  EXPECT_EQ(json["columns"], nlohmann::json({"prediction", "p(a)", "p(b)"}));
  EXPECT_EQ(json["notes"], nlohmann::json({"x.csv: line 1 is the header"}));
  EXPECT_EQ(json["rows"], nlohmann::json::parse(R"([["say \"A\"", 0.75, 0.25], ["B", 0.5, 0.5]])"));
}

TEST(Program, OverwritesNothingOfTheRun) {
  const std::vector<std::vector<std::string>> commands{{"report", "d"},
                                                       {"ensemble", "d"},
                                                       {"export", "d", "--trial", "ab", "--format", "json"},
                                                       {"predict", "d", "--trial", "ab", "--data", "x.csv"}};
  for (std::vector<std::string> words : commands) {
    words.insert(words.end(), {"--out", "d/results.csv"});
    const Outcome outcome = shoal(words);
    EXPECT_EQ(outcome.code, 2) << words[0];
    EXPECT_EQ(outcome.out, "") << words[0];
    EXPECT_TRUE(outcome.err.starts_with("shoal: --out: is results.csv of the run; give another path\n")) << outcome.err;
  }
}

TEST(Program, SaysWhatReportItWrote) {
  EXPECT_EQ(shoal({"report", "d"}).out, "d/report.html: 240 trials, 2.0 KiB\n");
  EXPECT_EQ(shoal({"report", "moved", "--out", "a.html"}).out,
            "a.html: 240 trials, 2.0 KiB\n"
            "without the winner's predictions on its validation rows: table.csv: there is no such file\n");
  const auto json = nlohmann::json::parse(shoal({"report", "d", "--json"}).out);
  EXPECT_EQ(json["out"], "d/report.html");
  EXPECT_EQ(json["bytes"], 2048);
}

TEST(Program, ExportsAStoredNetwork) {
  const std::vector<std::string> words{"export", "d", "--trial", "ab", "--format", "onnx", "--out", "x.onnx"};
  EXPECT_EQ(shoal(words).out, "trial abonnx written to x.onnx as onnx, 2.0 KiB\n");
  std::vector<std::string> with_json = words;
  with_json.push_back("--json");
  EXPECT_EQ(nlohmann::json::parse(shoal(with_json).out),
            nlohmann::json::parse(R"({"id": "abonnx", "format": "onnx", "out": "x.onnx", "bytes": 2054})"));
  const Outcome unknown = shoal({"export", "d", "--trial", "ab", "--format", "onx", "--out", "x"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err,
            "shoal: --format: unknown format 'onx'; did you mean 'onnx'?\nshoal: see `shoal export --help`\n");
  const Outcome far = shoal({"export", "d", "--trial", "ab", "--format", "pickle", "--out", "x"});
  EXPECT_EQ(far.err,
            "shoal: --format: unknown format 'pickle'; known: onnx, safetensors, json, c\n"
            "shoal: see `shoal export --help`\n");
}

TEST(Program, SaysWhatAnEnsembleGains) {
  EXPECT_EQ(shoal({"ensemble", "my run", "--size", "3"}).out,
            "id     weight\naa.f2     3/4\nbb.f2     1/4\n"
            "val_accuracy 0.95, 0.0125 better than the best single network (bb.f2: 0.9375)\n"
            "the 400 validation rows that this is measured on also chose the ensemble: on others it is less good\n"
            "chosen among 3 networks of fold 2; 1 network of other folds left out, which were trained on these rows\n"
            "written to my run/ensemble.json; use it by `shoal predict 'my run' --trial ensemble`\n");
  const auto json = nlohmann::json::parse(shoal({"ensemble", "d", "--by", "val_auc", "--out", "e", "--json"}).out);
  EXPECT_EQ(json["metric"], "val_auc");
  EXPECT_EQ(json["out"], "e");
  EXPECT_EQ(json["members"][0], nlohmann::json::parse(R"({"id": "aa.f2", "times": 3, "weight": 0.75})"));
  EXPECT_EQ(shoal({"ensemble", "d", "--size", "0"}).code, 2);
  EXPECT_EQ(shoal({"ensemble", "d", "--by", "val_los"}).err,
            "shoal: --by: unknown metric 'val_los'; did you mean 'val_loss'?\nshoal: see `shoal ensemble --help`\n");
}

}  // namespace
}  // namespace shoal::cli
