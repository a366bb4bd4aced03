#include "small_sweeps.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <stdlib.h>

namespace shoal::small {
namespace {

/// Evenly spread numbers in [0, 1).
double spread(int i, double step) {
  const double x = 0.5 + i * step;
  return x - static_cast<double>(static_cast<int>(x));
}

}  // namespace

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "shoal-run-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_classes(const std::filesystem::path& file) {
  std::ofstream out(file);
  out << "a,b,kind\n";
  for (int i = 0; i < 90; ++i) {
    const double a = spread(i, 0.618034);
    const double b = spread(i, 0.754878);
    out << a << ',' << b << ',' << (a > 0.6 ? "high" : (b > 0.5 ? "middle" : "low")) << '\n';
  }
}

void write_regression(const std::filesystem::path& file) {
  std::ofstream out(file);
  out << "a,b,y\n";
  for (int i = 0; i < 80; ++i) {
    const double a = spread(i, 0.618034);
    const double b = spread(i, 0.754878);
    out << a << ',' << b << ',' << 300 + 40 * (a - b) + a * b << '\n';
  }
}

SweepSpec sweep(const std::filesystem::path& table, Metric metric, const std::vector<double>& learning_rates) {
  SweepSpec spec;
  spec.file = "small.yaml";
  spec.data.train = table;
  spec.metric = metric;
  spec.maximize = metric == Metric::val_accuracy;
  spec.trainer.seed = 7;
  spec.trainer.keep = 3;
  Axis sizes{{"hidden_layer_sizes"}, {}, {}, 0, 0};
  sizes.values = {{std::vector<std::int64_t>{4}}, {std::vector<std::int64_t>{8, 4}}};
  Axis rates{{"learning_rate_init"}, {}, {}, 0, 0};
  for (const double rate : learning_rates) rates.values.push_back({rate});
  Axis epochs{{"max_iter"}, {{std::int64_t{6}}}, {}, 0, 0};
  Axis batch{{"batch_size"}, {{std::int64_t{16}}}, {}, 0, 0};
  spec.axes = {sizes, rates, epochs, batch};
  spec.resolved = "trainer: {seed: 7, keep: 3}\nparameters: {max_iter: 6}\n";
  return spec;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

RunSummary run_into(const SweepSpec& spec, const std::filesystem::path& out, bool resume) {
  RunOptions options;
  options.out = out;
  options.resume = resume;
  return run_sweep(spec, options);
}

}  // namespace shoal::small
