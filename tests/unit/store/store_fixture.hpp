#pragma once

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "store/run_directory.hpp"

namespace shoal::store {

/// A folder of its own for each test, removed afterwards.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "store_test_XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~StoreTest() override { std::filesystem::remove_all(folder); }

  std::filesystem::path folder;
};

/// Files larger than this cannot be written while it lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

inline std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Names in a folder, ascending.
inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

/// The text of what `call` throws; empty if it throws nothing.
template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline Trial trial_of(const std::string& id) {
  Trial trial;
  trial.id = id;
  trial.topology = {.n_inputs = 2, .hidden_layer_sizes = {3}, .activations = {Activation::relu}, .n_outputs = 1};
  return trial;
}

inline TrialResult result_of(const std::string& id, double val_loss, TrialStatus status = TrialStatus::finished) {
  TrialResult result;
  result.trial = trial_of(id);
  result.status = status;
  result.epochs = 2;
  result.best_epoch = 1;
  result.metrics.values[static_cast<std::size_t>(Metric::val_loss)] = val_loss;
  result.train_seconds = 0.25;
  result.curve = {{.epoch = 1, .train_loss = 0.5, .val_loss = 0.1, .metric = 0.1},
                  {.epoch = 2, .train_loss = 0.25, .val_loss = val_loss, .metric = val_loss}};
  return result;
}

inline Manifest manifest_of() {
  Manifest manifest;
  manifest.sweep_yaml = "data: {train: a.csv}\n";
  manifest.sweep_file = "a.yaml";
  manifest.engine = "cpu";
  manifest.engine_detail = "AVX2, 2 threads";
  manifest.engine_reason = "cpu: predicted 1.0 s, cuda 2.0 s";
  manifest.precision = Precision::strict;
  manifest.version = "0.1.0";
  manifest.metric = Metric::val_rmse;
  manifest.maximize = false;
  manifest.task = Task::regression;
  manifest.dataset_name = "a.csv";
  manifest.dataset_hash = 0xfedcba9876543210U;
  manifest.table_hashes = {{"train", 0xfedcba9876543211U}, {"test", 7}};
  manifest.n_trials = 7;
  manifest.n_settings = 5;
  manifest.epochs_trained = 40;
  manifest.epochs_recomputed = 3;
  manifest.preprocessing = R"({"columns":["x","y"]})";
  manifest.splits = {R"({"offset":[0.1]})"};
  return manifest;
}

}  // namespace shoal::store
