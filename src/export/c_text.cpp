#include "export/c_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace shoal::exporting {
namespace {

template <class Number>
std::string digits_of(Number value) {
  std::array<char, 40> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class Values>
std::string array_text(std::string_view type, std::string_view name, const Values& values, std::size_t a_line) {
  std::string text = fmt::format("static const {}@{}[] = {{", type, name);
  for (std::size_t i = 0; i < values.size(); ++i) text += (i % a_line == 0 ? "\n  " : " ") + c_literal(values[i]) + ",";
  return text;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string c_literal(float value) { return digits_of(value) + "f"; }
std::string c_literal(double value) { return digits_of(value); }

std::string c_literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // As octal numbers also what a trigraph and a comment are made of.
    const bool plain = byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\' && c != '?' && c != '@';
    literal += plain ? std::string(1, c) : fmt::format("\\{:03o}", byte);
  }
  return literal + '"';
}

std::string c_array(std::string_view name, std::span<const float> values) {
  return array_text("float ", name, values, 8) + "\n};\n";
}

std::string c_array(std::string_view name, std::span<const double> values) {
  return array_text("double ", name, values, 6) + "\n};\n";
}

std::string c_array(std::string_view name, std::span<const std::string> texts) {
  return array_text("char *const ", name, texts, 4) + "\n  NULL,\n};\n";
}

std::string c_identifier(std::string_view text) {
  std::string identifier(text);
  std::ranges::replace_if(
      identifier, [](char c) { return !is_letter(c) && !is_digit(c); }, '_');
  return !identifier.empty() && is_letter(identifier.front()) ? identifier : "network_" + identifier;
}

}  // namespace shoal::exporting
