#include "spec/nearest.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "spec/parameter_rules.hpp"

namespace shoal {
namespace {

std::string parameter_for(std::string_view word) {
  return std::string(nearest(word, spec::known_parameters()).value_or("nothing"));
}

TEST(Nearest, FindsAParameterByASlipOfTheKeys) {
  EXPECT_EQ(parameter_for("hiden_layer_sizes"), "hidden_layer_sizes");
  EXPECT_EQ(parameter_for("aplha"), "alpha");
  EXPECT_EQ(parameter_for("Momentum"), "momentum");
  EXPECT_EQ(parameter_for("learning_rate_inti"), "learning_rate_init");
}

TEST(Nearest, CompletesABeginningOrAnEnd) {
  EXPECT_EQ(parameter_for("hidden"), "hidden_layer_sizes");
  EXPECT_EQ(parameter_for("learning"), "learning_rate");
  EXPECT_EQ(parameter_for("smoothing"), "label_smoothing");
}

TEST(Nearest, TakesABeginningBeforeASlip) {
  const std::vector<std::string_view> metrics{"val_auc", "val_accuracy"};
  EXPECT_EQ(nearest("val_acc", metrics), "val_accuracy");
  EXPECT_EQ(nearest("val_acu", metrics), "val_auc");
}

TEST(Nearest, KnowsTheNamesOfOtherTools) {
  EXPECT_EQ(parameter_for("lr"), "learning_rate_init");
  EXPECT_EQ(parameter_for("epochs"), "max_iter");
  EXPECT_EQ(parameter_for("optimizer"), "solver");
  EXPECT_EQ(parameter_for("weight_decay"), "alpha");
}

TEST(Nearest, NamesNothingThatIsNotACandidate) {
  const std::vector<std::string_view> columns{"age", "height"};
  EXPECT_EQ(nearest("lr", columns), std::nullopt);
  EXPECT_EQ(nearest("species", columns), std::nullopt);
  EXPECT_EQ(nearest("heigth", columns), "height");
  EXPECT_EQ(nearest("val_f1", std::vector<std::string_view>{"val_r2", "val_macro_f1"}), "val_macro_f1");
  EXPECT_EQ(nearest("x", std::vector<std::string_view>{}), std::nullopt);
}

TEST(Suggestion, ListsFewCandidatesWhereNoneIsNear) {
  EXPECT_EQ(suggestion("species", std::vector<std::string_view>{"age", "height"}), "; known: age, height");
  EXPECT_EQ(suggestion("heigth", std::vector<std::string_view>{"age", "height"}), "; did you mean 'height'?");
  EXPECT_EQ(suggestion("species", std::vector<std::string_view>(31, "a")), "");
}

}  // namespace
}  // namespace shoal
