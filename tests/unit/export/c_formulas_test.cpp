// The second text of the activations, compiled by a C compiler, against the first one.
#include "export/c_formulas.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>
#include <vector>

#include "kernels/math/scalar.hpp"
#include "tests/support/stratified_floats.hpp"

namespace shoal::exporting {
namespace {

struct Pair {
  std::string_view name;
  float (*first)(float);
};
constexpr std::array kPairs{
    Pair{"exp", [](float z) { return math::scalar::exp_of(z); }},
    Pair{"relu", [](float z) { return math::scalar::relu(z); }},
    Pair{"leaky_relu", [](float z) { return math::scalar::leaky_relu(z); }},
    Pair{"sigmoid", [](float z) { return math::scalar::sigmoid(z); }},
    Pair{"tanh", [](float z) { return math::scalar::tanh_of(z); }},
    Pair{"elu", [](float z) { return math::scalar::elu(z); }},
    Pair{"softplus", [](float z) { return math::scalar::softplus(z); }},
    Pair{"silu", [](float z) { return math::scalar::silu(z); }},
    Pair{"gelu", [](float z) { return math::scalar::gelu(z); }},
};

class Folder {
 public:
  Folder() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "shoal-formulas-XXXXXX").string();
};

/// A program that reads floats and writes every function of each.
std::string program_text() {
  std::vector<std::string_view> wanted;
  std::string table;
  for (const Pair& pair : kPairs) {
    wanted.push_back(pair.name);
    table += "f_" + std::string(pair.name) + ", ";
  }
  std::string formulas = c_formulas(wanted);
  for (std::size_t at = formulas.find('@'); at != std::string::npos; at = formulas.find('@')) {
    formulas.replace(at, 1, "f_");
  }
  return "#include <float.h>\n#include <math.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n" +
         formulas + "static float (*const all[])(float) = {" + table + "};\n" +
         "int main(void) {\n  float x;\n  size_t i;\n  while (fread(&x, sizeof x, 1, stdin) == 1) {\n"
         "    for (i = 0; i < sizeof all / sizeof *all; ++i) {\n      const float y = all[i](x);\n"
         "      fwrite(&y, sizeof y, 1, stdout);\n    }\n  }\n  return 0;\n}\n";
}

std::vector<float> floats_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<float> all(bytes.size() / sizeof(float));
  std::memcpy(all.data(), bytes.data(), all.size() * sizeof(float));
  return all;
}

TEST(CFormulas, GiveTheBitsOfTheKernels) {
  const Folder folder;
  const std::vector<float>& inputs = testing::stratified_floats();
  std::ofstream(folder / "f.c") << program_text();
  std::ofstream(folder / "in", std::ios::binary)
      .write(reinterpret_cast<const char*>(inputs.data()), static_cast<std::streamsize>(inputs.size() * sizeof(float)));
  const std::string compile =
      "cc -std=c99 -O1 -Wall -Wextra -Wconversion -pedantic -Werror " + (folder / "f.c") + " -lm -o " + (folder / "f");
  ASSERT_EQ(std::system(compile.c_str()), 0);
  ASSERT_EQ(std::system(((folder / "f") + " < " + (folder / "in") + " > " + (folder / "out")).c_str()), 0);
  const std::vector<float> outputs = floats_of(folder / "out");
  ASSERT_EQ(outputs.size(), inputs.size() * kPairs.size());
  for (std::size_t f = 0; f < kPairs.size(); ++f) {
    std::size_t n_wrong = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const float second = outputs[i * kPairs.size() + f];
      const float first = kPairs[f].first(inputs[i]);
      const bool same = std::bit_cast<std::uint32_t>(first) == std::bit_cast<std::uint32_t>(second) ||
                        (std::isnan(first) && std::isnan(second));
      if (!same && n_wrong++ == 0) {
        ADD_FAILURE() << kPairs[f].name << '(' << inputs[i] << ") is " << second << ", not " << first;
      }
    }
    EXPECT_EQ(n_wrong, 0U) << kPairs[f].name;
  }
}

TEST(CFormulas, HoldWhatIsWantedAndWhatThatCalls) {
  const std::array<std::string_view, 1> relu{"relu"};
  EXPECT_EQ(c_formulas(relu), "\nstatic inline float @relu(float z) { return 0.0f < z ? z : 0.0f; }\n");
  const std::array<std::string_view, 2> two{"identity", "silu"};
  const std::string text = c_formulas(two);
  const std::size_t gated = text.find("float @gated(");
  EXPECT_LT(text.find("@exp_parts_of(float x)"), gated);
  EXPECT_LT(gated, text.find("float @silu("));
  EXPECT_EQ(text.find("float @exp("), std::string::npos);
}

}  // namespace
}  // namespace shoal::exporting
