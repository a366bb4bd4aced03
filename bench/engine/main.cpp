// What bench/peers and scripts/gpu need of the workloads of `shoal bench`.
//   export_workloads FOLDER                       each into FOLDER/WORKLOAD, in the size of a CPU
//   export_workloads FOLDER --gpu --workload seed
//   export_workloads --list                       engines and precisions that this machine has, one a line
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/engine/export.hpp"
#include "shoal/bench.hpp"
#include "shoal/engine.hpp"

namespace {

void list_engines() {
  for (const shoal::EngineInfo& info : shoal::engines()) {
    if (!info.available || info.name == "reference") continue;  // made to be right, not fast
    for (const shoal::Precision precision : info.precisions) {
      std::printf("%s %s\n", info.name.c_str(), std::string(name(precision)).c_str());
    }
  }
}

struct Options {
  std::filesystem::path folder;
  std::vector<std::string> workloads = shoal::bench_workload_names();
  std::uint32_t n_networks = 0;
  bool gpu = false, list = false;
};

void run(const Options& options) {
  if (options.list) list_engines();
  if (options.folder.empty()) return;
  for (const std::string& word : options.workloads) {
    shoal::bench::Workload workload = shoal::bench::workload_named(word);
    if (options.gpu) workload.size = workload.size_on_gpu;
    if (options.n_networks > 0) workload.size.n_networks = options.n_networks;
    export_workload(workload, options.folder / workload.name);
  }
}

}  // namespace

int main(int n_arguments, char** arguments) {
  try {
    Options options;
    CLI::App app{"Workloads of `shoal bench` for other programs"};
    app.add_option("folder", options.folder, "where to write them");
    app.add_option("--workload", options.workloads, "one or some; default all");
    app.add_option("--networks", options.n_networks, "instead of the workload's")->check(CLI::PositiveNumber);
    app.add_flag("--gpu", options.gpu, "in the size of a GPU");
    app.add_flag("--list", options.list, "engines and precisions of this machine");
    CLI11_PARSE(app, n_arguments, arguments);
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "export_workloads: %s\n", error.what());
    return 1;
  }
}
