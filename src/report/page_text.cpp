#include "report/page_text.hpp"

#include "shoal/error.hpp"

namespace shoal::report {
namespace {

struct PageText {
  std::string_view name;  ///< of a file; its text may come in pieces
  std::string_view text;
};

constexpr PageText kTexts[] = {
#include "report/page_text.inc"
};

constexpr std::string_view kFolder = "src/report/page/";
constexpr std::string_view kData = "data";

std::string text_of(std::string_view name) {
  std::string whole;
  for (const PageText& part : kTexts) {
    const std::string_view file = part.name.starts_with(kFolder) ? part.name.substr(kFolder.size()) : part.name;
    if (file == name) whole += part.text;
  }
  if (whole.empty()) throw Error("the page names '" + std::string(name) + "', which this program does not hold");
  return whole;
}

}  // namespace

std::string page_with(std::string_view data) {
  // {{NAME}} stands for the file NAME. What is put in is not looked at again.
  const std::string frame = text_of("report.html");
  std::string page;
  std::size_t done = 0;
  for (std::size_t begin = 0; (begin = frame.find("{{", done)) != std::string::npos;) {
    page.append(frame, done, begin - done);
    const std::size_t end = frame.find("}}", begin);
    const std::string name = frame.substr(begin + 2, end - begin - 2);
    page += name == kData ? std::string(data) : text_of(name);
    done = end + 2;
  }
  return page.append(frame, done);
}

std::string inside_html(std::string_view json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace shoal::report
