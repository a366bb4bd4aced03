#include "run/initial_parameters.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/safetensors.hpp"

namespace shoal::run {
namespace {

SweepSpec beginning_with(const small::Folder& folder, const std::string& init) {
  return parse_sweep("data: {train: t.csv}\nparameters: {hidden_layer_sizes: 2, init: " + init + "}\n", "s.yaml",
                     folder / "");
}

std::vector<float> stored(const small::Folder& folder) {
  store::StoredNetwork network;
  network.trial.topology = {1, {2}, {Activation::relu}, 1};
  network.parameters = {1, 2, 3, 4, 5, 6, 7};
  std::ofstream(folder / "start.safetensors", std::ios::binary) << store::to_safetensors(network);
  return network.parameters;
}

TEST(InitialParameters, AreThoseOfTheFile) {
  const small::Folder folder;
  const std::vector<float> parameters = stored(folder);
  SweepSpec spec = beginning_with(folder, "start.safetensors");
  spec.file = folder / "s.yaml";
  const InitialParameters initial(spec);
  Trial trial = Trials(spec, {.task = Task::regression, .n_inputs = 1, .n_targets = 1}).at(0);
  initial.give(trial);
  EXPECT_EQ(initial_state(trial).parameters, parameters);
  EXPECT_EQ(initial_state(trial).first_moment, std::vector<float>(7, 0.0F));
  EXPECT_EQ(initial.hashes().size(), 1U);
  trial.topology.hidden_layer_sizes = {3};
  trial.id = "x";
  try {
    initial.give(trial);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              spec.file.string() +
                  ": parameters.init: start.safetensors holds a network 1-2-1, trial x is 1-3-1; pair "
                  "files and layers under parameters.architecture");
  }
}

TEST(InitialParameters, AreRefusedWhereTheFileIsNone) {
  const small::Folder folder;
  SweepSpec spec = beginning_with(folder, "{values: [absent.safetensors, broken.safetensors, zeros]}");
  spec.file = folder / "s.yaml";
  std::ofstream(folder / "broken.safetensors") << "no";
  try {
    const InitialParameters initial(spec);
    FAIL();
  } catch (const InputError& error) {
    const std::string start = spec.file.string() + ": parameters.init: ";
    EXPECT_EQ(std::string(error.what()),
              start + "cannot read " + (folder / "absent.safetensors").string() + ": No such file or directory\n" +
                  start + (folder / "broken.safetensors").string() + ": not a stored network: it ends in its header");
  }
}

}  // namespace
}  // namespace shoal::run
