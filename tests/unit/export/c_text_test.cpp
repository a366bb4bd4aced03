#include "export/c_text.hpp"

#include <array>
#include <gtest/gtest.h>

namespace shoal::exporting {
namespace {

TEST(CText, WritesNumbersThatReadBackAndAreFloating) {
  EXPECT_EQ(c_literal(1.0F), "1.0f");
  EXPECT_EQ(c_literal(-0.1F), "-0.1f");
  EXPECT_EQ(c_literal(1e-20F), "1e-20f");
  EXPECT_EQ(c_literal(16777217.0), "16777217.0");
  EXPECT_EQ(c_literal(0.1), "0.1");
}

TEST(CText, EscapesWhatCWouldReadAsSomethingElse) {
  EXPECT_EQ(c_literal(std::string_view("plain text/*")), "\"plain text/*\"");
  EXPECT_EQ(c_literal(std::string_view("a\"b\\c")), R"("a\042b\134c")");
  EXPECT_EQ(c_literal(std::string_view("?"
                                       "?/")),
            R"("\077\077/")");
  EXPECT_EQ(c_literal(std::string_view("\xC3\xA9"
                                       "1")),
            R"("\303\2511")");
  EXPECT_EQ(c_literal(std::string_view("a@b")), R"("a\100b")") << "@ stands for the prefix of names";
}

TEST(CText, EndsListsOfTextsWithNull) {
  const std::array<std::string, 1> one{"x"};
  EXPECT_EQ(c_array("names", one), "static const char *const @names[] = {\n  \"x\",\n  NULL,\n};\n");
  EXPECT_EQ(c_array("names", std::span<const std::string>{}), "static const char *const @names[] = {\n  NULL,\n};\n");
}

TEST(CText, MakesIdentifiersOfFileNames) {
  EXPECT_EQ(c_identifier("letters_2"), "letters_2");
  EXPECT_EQ(c_identifier("my-best.net"), "my_best_net");
  EXPECT_EQ(c_identifier("3fa9"), "network_3fa9");
  EXPECT_EQ(c_identifier(""), "network_");
}

}  // namespace
}  // namespace shoal::exporting
