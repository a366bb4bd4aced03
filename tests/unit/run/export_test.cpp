#include "shoal/export.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"
#include "store/safetensors.hpp"

namespace shoal {
namespace {

struct ExportNetwork : testing::Test {
  ExportNetwork() {
    small::write_regression(folder / "y.csv");
    summary = small::run_into(small::sweep(folder / "y.csv", Metric::val_rmse), folder / "run");
  }
  small::Folder folder;
  RunSummary summary;
};

TEST_F(ExportNetwork, WritesEveryFormatWhole) {
  for (const std::string_view word : export_format_names()) {
    const std::filesystem::path file = folder / ("net." + std::string(word));
    const Exported exported = export_network(folder / "run", "best", export_format_named(word).value(), file);
    EXPECT_EQ(exported.id, summary.winner);
    EXPECT_EQ(exported.bytes, std::filesystem::file_size(file)) << word;
    const std::string first = small::content(file);
    (void)export_network(folder / "run", summary.winner.substr(0, 12), export_format_named(word).value(), file);
    EXPECT_EQ(small::content(file), first) << word << " is written anew, and equal";
  }
}

TEST_F(ExportNetwork, KeepsTheParametersOfTheStoredFile) {
  (void)export_network(folder / "run", "best", ExportFormat::safetensors, folder / "net");
  const store::StoredNetwork stored = store::RunDirectory::open(folder / "run").network(summary.winner);
  EXPECT_EQ(store::from_safetensors(small::content(folder / "net"), "net").parameters, stored.parameters);

  (void)export_network(folder / "run", "best", ExportFormat::json, folder / "net.json");
  const auto document = nlohmann::json::parse(small::content(folder / "net.json"));
  std::vector<float> parameters;
  for (const auto& layer : document["layers"]) {
    for (std::size_t o = 0; o < layer["bias"].size(); ++o) {
      for (const auto& weight : layer["weight"][o]) parameters.push_back(weight.get<float>());
      parameters.push_back(layer["bias"][o].get<float>());
    }
  }
  EXPECT_EQ(parameters, stored.parameters) << "every number reads back exactly";
}

TEST_F(ExportNetwork, NamesThingsInCByTheFile) {
  (void)export_network(folder / "run", "best", ExportFormat::c, folder / "my-net.h");
  EXPECT_NE(small::content(folder / "my-net.h").find("static inline int my_net_predict("), std::string::npos);
}

TEST_F(ExportNetwork, RefusesWhatIsNotOneStoredNetwork) {
  const auto refusal = [&](const std::string& which) -> std::string {
    try {
      (void)export_network(folder / "run", which, ExportFormat::json, folder / "net");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal("top:2").find("must be one network"), std::string::npos) << refusal("top:2");
  EXPECT_NE(refusal("ensemble").find("must be one network"), std::string::npos);
  EXPECT_NE(refusal("zzz").find("there is no trial 'zzz'"), std::string::npos);
  store::RunDirectory run = store::RunDirectory::open(folder / "run");
  const std::string kept = run.kept().front();
  const std::string other = run.kept().back();
  run.forget(kept);
  EXPECT_NE(refusal(kept).find("is not stored; stored are: "), std::string::npos) << refusal(kept);
  EXPECT_NE(refusal(kept).find(other), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "net"));
  EXPECT_THROW((void)export_network(folder / "run", other, ExportFormat::json, folder / "no" / "net"), Error);
}

}  // namespace
}  // namespace shoal
