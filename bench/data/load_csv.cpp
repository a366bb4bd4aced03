// Seconds to load CSV tables of a million rows and 20 inputs as datasets, on one core: read, types found, encoded,
// split, scaled. One table holds numbers, the other 10 columns of numbers and 10 of texts with 50 categories each.
//
// bench_load_csv [ROWS [REPEATS]] prints one line of JSON a table.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include "data/table.hpp"
#include "shoal/data.hpp"

namespace {

constexpr std::size_t kInputs = 20;
constexpr std::size_t kCategories = 50;

/// What the table holds at a row and column, in thousandths; the last column is the target.
std::uint64_t value(std::size_t row, std::size_t column) {
  std::uint64_t mixed = (row * (kInputs + 1) + column + 1) * 0x9E3779B97F4A7C15ULL;
  mixed ^= mixed >> 29;
  mixed *= 0xBF58476D1CE4E5B9ULL;
  return mixed >> 44;
}

std::string table_text(std::size_t n_rows, std::size_t n_texts) {
  std::string text;
  for (std::size_t c = 0; c < kInputs; ++c) text += "c" + std::to_string(c) + ",";
  text += "y\n";
  for (std::size_t row = 0; row < n_rows; ++row) {
    for (std::size_t c = 0; c <= kInputs; ++c) {
      const std::uint64_t v = value(row, c);
      const bool is_text = c < n_texts;
      text += is_text ? "category " + std::to_string(v % kCategories) : std::to_string(static_cast<double>(v) / 1000);
      text += c < kInputs ? ',' : '\n';
    }
  }
  return text;
}

/// Throws where a dataset is not what the table says: every value of a few rows, and the rows of its split.
void check(const shoal::Dataset& dataset, std::size_t n_rows, std::size_t n_texts) {
  const auto expect = [](bool right, const char* what) {
    if (!right) throw std::runtime_error(std::string("wrong result: ") + what);
  };
  expect(dataset.n_rows == n_rows, "rows");
  expect(static_cast<std::size_t>(dataset.n_inputs()) == kInputs - n_texts + n_texts * kCategories, "inputs");
  const shoal::Split& split = dataset.splits.at(0);
  expect(split.training.size() + split.validation.size() == n_rows, "split");
  expect(std::abs(static_cast<double>(split.validation.size()) - 0.2 * static_cast<double>(n_rows)) < 1, "fraction");
  for (std::size_t row = 0; row < n_rows; row += n_rows / 97 + 1) {
    std::size_t at = 0;
    for (std::size_t c = 0; c < kInputs; ++c) {
      const shoal::InputColumn& column = dataset.preprocessing.columns[c];
      if (c < n_texts) {
        const std::string text = "category " + std::to_string(value(row, c) % kCategories);
        for (std::size_t k = 0; k < kCategories; ++k) {
          expect(dataset.row(row)[at + k] == (column.categories[k] == text ? 1.0F : 0.0F), "category");
        }
        at += kCategories;
      } else {
        const double number = static_cast<double>(value(row, c)) / 1000;
        expect(dataset.row(row)[at++] == static_cast<float>(number - column.centre), "number");
      }
    }
  }
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void run(const std::string& name, std::size_t n_rows, std::size_t n_texts, std::size_t n_repeats,
         const std::filesystem::path& folder) {
  shoal::DataSpec spec;
  spec.train = folder / (name + ".csv");
  std::ofstream(spec.train, std::ios::binary) << table_text(n_rows, n_texts);
  check(shoal::load_dataset(spec, 0), n_rows, n_texts);
  std::vector<double> read;
  std::vector<double> wall;
  std::vector<double> cpu;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto seconds = [](auto from, auto to) { return std::chrono::duration<double>(to - from).count(); };
  for (std::size_t i = 0; i < n_repeats; ++i) {
    const auto start = now();
    (void)shoal::data::read_table(spec.train);
    const auto between = now();
    const std::clock_t clock = std::clock();
    (void)shoal::load_dataset(spec, 0);
    cpu.push_back(static_cast<double>(std::clock() - clock) / CLOCKS_PER_SEC);
    wall.push_back(seconds(between, now()));
    read.push_back(seconds(start, between));
  }
  const nlohmann::json result{{"bench", "load_csv"},
                              {"table", name},
                              {"rows", n_rows},
                              {"inputs", kInputs},
                              {"text_columns", n_texts},
                              {"bytes", std::filesystem::file_size(spec.train)},
                              {"repeats", n_repeats},
                              {"read_s", median(read)},
                              {"load_s", median(wall)},
                              {"load_s_min_max", {std::ranges::min(wall), std::ranges::max(wall)}},
                              {"load_cpu_s", median(cpu)},
                              {"machine", processor()},
                              {"commit", SHOAL_COMMIT},
                              {"flags", SHOAL_FLAGS}};
  std::puts(result.dump().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n_rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t n_repeats = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 5;
  if (n_rows < 100 || n_repeats == 0) {
    std::fputs("usage: bench_load_csv [ROWS, at least 100 [REPEATS, at least 1]]\n", stderr);
    return 2;
  }
  std::string pattern = (std::filesystem::temp_directory_path() / "shoal_bench_XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  int status = 0;
  try {
    run("numbers", n_rows, 0, n_repeats, folder);
    run("mixed", n_rows, kInputs / 2, n_repeats, folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(folder);
  return status;
}
