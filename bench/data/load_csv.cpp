// Seconds to load a CSV table of a million rows and 20 numeric inputs, on one core.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "data/table.hpp"
#include "shoal/data.hpp"

int main() {
  constexpr std::size_t kRows = 1'000'000;
  constexpr std::size_t kColumns = 21;
  std::string pattern = (std::filesystem::temp_directory_path() / "shoal_bench_XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  shoal::DataSpec spec;
  spec.train = folder / "table.csv";
  {
    std::string text;
    std::uint64_t state = 1;
    for (std::size_t c = 0; c < kColumns; ++c) text += "c" + std::to_string(c) + (c + 1 < kColumns ? "," : "\n");
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        text += std::to_string(static_cast<double>(state >> 44) / 1000) + (c + 1 < kColumns ? "," : "\n");
      }
    }
    std::ofstream(spec.train, std::ios::binary) << text;
  }
  const auto seconds = [](auto call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::size_t n_rows = 0;
  const double read = seconds([&] { n_rows = shoal::data::read_table(spec.train).n_rows; });
  const double load = seconds([&] { n_rows += shoal::load_dataset(spec, 0).n_rows; });
  const auto bytes = std::filesystem::file_size(spec.train);
  std::filesystem::remove_all(folder);
  if (n_rows != 2 * kRows) return 1;
  std::printf("{\"rows\": %zu, \"columns\": %zu, \"bytes\": %ju, \"read_s\": %.3f, \"load_s\": %.3f}\n", kRows,
              kColumns, static_cast<std::uintmax_t>(bytes), read, load);
  return 0;
}
