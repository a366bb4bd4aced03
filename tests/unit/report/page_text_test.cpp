#include "report/page_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace shoal::report {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(PageText, HoldsItsPartsAndTheData) {
  const std::string page = page_with("{\"n\": 1}");
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_NE(page.find("<script type=\"application/json\" id=\"data\">{\"n\": 1}</script>"), std::string::npos);
  EXPECT_NE(page.find("Released under the MIT License"), std::string::npos);
  EXPECT_NE(page.find("Permission is hereby granted, free of charge"), std::string::npos);
  EXPECT_EQ(page.find(">{{"), std::string::npos);  // no part is missing
}

TEST(PageText, EndsNoScriptBeforeItsTime) {
  const std::string page = page_with("{}");
  EXPECT_EQ(count(page, "</script"), count(page, "<script>") + count(page, "<script type="));
}

TEST(PageText, NamesNothingThatWouldBeFetched) {
  const std::string page = page_with("{}");
  for (const char* source : {" src=", "<link", "@import", "url(", "import("}) {
    EXPECT_EQ(page.find(source), std::string::npos) << source;
  }
}

TEST(PageText, KeepsWhatDataSayButNotWhatHtmlWouldRead) {
  const nlohmann::json data = {{"name", "</script><b>&amp;<!--"}};
  const std::string safe = inside_html(data.dump());
  EXPECT_EQ(safe.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(safe), data);
}

}  // namespace
}  // namespace shoal::report
