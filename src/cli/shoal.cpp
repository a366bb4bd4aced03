#include "cli/shoal.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kDescription =
    "Trains thousands of small neural networks at once: one sweep file in, a ranked run directory out.";
constexpr const char* kShoalExamples =
    "Examples:\n"
    "  shoal plan examples/letters.yaml            what would run, and for how long\n"
    "  shoal sweep examples/letters.yaml           train it; results in runs/letters-1\n"
    "  shoal top runs/letters-1                    the best networks\n"
    "  shoal predict runs/letters-1 --trial best --data new.csv\n"
    "  shoal report runs/letters-1                 all of it as one HTML page\n"
    "  shoal export runs/letters-1 --trial best --format onnx --out letters.onnx\n\n"
    "`shoal COMMAND --help` explains one command.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong use, 3 stopped by you and resumable.";

/// The command that was being read, for hints: `shoal sweep`.
std::string chosen(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? "shoal" : "shoal " + commands.front()->get_name();
}

int parsed(CLI::App& app, Action& action, int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  try {
    check_words(app, words);
    if (words.empty()) throw UsageError("no command was given");
    app.parse(argc, argv);
    if (!action) throw UsageError("no command was given");
    return action();
  } catch (const CLI::CallForHelp&) {
    const auto commands = app.get_subcommands();
    print(commands.empty() ? app.help() : commands.front()->help("shoal"));
    return kDone;
  } catch (const CLI::CallForVersion&) {
    print("shoal " + version().version + "\n");
    return kDone;
  } catch (const CLI::ParseError& error) {
    print_error(std::string(error.what()) + "\nsee `" + chosen(app) + " --help`");
  } catch (const UsageError& error) {
    const std::string whose = error.command().empty() ? chosen(app) : "shoal " + error.command();
    print_error(std::string(error.what()) + "\nsee `" + whose + " --help`");
  }
  return kWrongUse;
}

int dispatched(int argc, char** argv) {
  CLI::App app(kDescription, "shoal");
  app.footer(kShoalExamples);
  app.set_version_flag("--version", "", "Print the version and exit");
  Action action;
  add_sweep(app, action);
  add_plan(app, action);
  add_top(app, action);
  add_predict(app, action);
  add_replay(app, action);
  add_report(app, action);
  add_export(app, action);
  add_ensemble(app, action);
  add_info(app, action);
  add_verify(app, action);
  add_bench(app, action);
  const int code = parsed(app, action, argc, argv);
  finish_output();
  return code;
}

}  // namespace

int run(int argc, char** argv) {
  // A reader that goes away must not end a run that has results to save.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return dispatched(argc, argv);
  } catch (const InputError& error) {
    print_error(error.what());
    return kWrongUse;
  } catch (const UnavailableError& error) {
    print_error(error.what());
    return kWrongUse;
  } catch (const StoppedError& error) {
    print_error(error.what());
    return kStopped;
  } catch (const Error& error) {
    print_error(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    print_error(error.path1().empty() ? error.what() : error.path1().string() + ": " + error.code().message());
  } catch (const std::system_error& error) {
    // What a std::thread throws that cannot begin.
    const bool is_thread = error.code() == std::errc::resource_unavailable_try_again;
    print_error(is_thread ? "the system does not start so many threads: give fewer (--threads N), or raise its limit "
                            "(ulimit -u)"
                          : std::string("unexpected failure: ") + error.what());
  } catch (const std::bad_alloc&) {
    print_error("the memory of this machine is not enough");
  } catch (const std::exception& error) {
    print_error(std::string("unexpected failure: ") + error.what());
  }
  return kFailed;
}

}  // namespace shoal::cli
