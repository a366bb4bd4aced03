#include "spec/yaml_fault.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>
#include <yaml-cpp/yaml.h>

namespace shoal::spec {
namespace {

using namespace std::string_view_literals;

std::vector<std::string_view> lines_of(std::string_view yaml) {
  std::vector<std::string_view> lines;
  while (!yaml.empty()) {
    const std::size_t length = std::min(yaml.find('\n'), yaml.size());
    lines.push_back(yaml.substr(0, length));
    yaml.remove_prefix(std::min(length + 1, yaml.size()));
  }
  return lines;
}

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

bool says_something(std::string_view line) {
  line.remove_prefix(indentation(line));
  return !line.empty() && line[0] != '#' && line[0] != '\r';
}

bool has_key(std::string_view line) {
  const std::size_t end = line.find_last_not_of(" \t\r");
  return line.find(": "sv) != std::string_view::npos || (end != std::string_view::npos && line[end] == ':');
}

/// Of a text whose quote is at `begin`: where that closes; npos: nowhere.
std::size_t end_of_quoted(std::string_view yaml, std::size_t begin) {
  const char quote = yaml[begin];
  for (std::size_t i = begin + 1; i < yaml.size(); ++i) {
    const bool is_escape = quote == '"' ? yaml[i] == '\\' : yaml.substr(i, 2) == "''";
    if (is_escape) {
      ++i;
    } else if (yaml[i] == quote) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// The bracket or quote that nothing closes, or that another one closes.
std::optional<YamlFault> open_bracket(std::string_view yaml) {
  struct Open {
    char closer;
    int line;
  };
  std::vector<Open> open;
  int line = 1;
  char before = '\n';
  for (std::size_t i = 0; i < yaml.size(); before = yaml[i++]) {
    const char c = yaml[i];
    if (c == '\n') ++line;
    // Within a word they mean themselves.
    const bool begins = " \t\n{[,:"sv.find(before) != std::string_view::npos;
    if (begins && c == '#') {
      i = std::min(yaml.find('\n', i), yaml.size()) - 1;
    } else if (begins && (c == '"' || c == '\'')) {
      const std::size_t end = end_of_quoted(yaml, i);
      if (end == std::string_view::npos) return YamlFault{line, std::string("has a ") + c + " that is not closed"};
      line += static_cast<int>(std::ranges::count(yaml.substr(i, end - i), '\n'));
      i = end;
    } else if (begins && (c == '{' || c == '[')) {
      open.push_back({c == '{' ? '}' : ']', line});
    } else if ((c == '}' || c == ']') && !open.empty()) {
      const Open last = open.back();
      if (last.closer != c) {
        return YamlFault{line, std::string("has '") + c + "' where '" + last.closer + "' is missing" +
                                   (last.line == line ? "" : " to what line " + std::to_string(last.line) + " opens")};
      }
      open.pop_back();
    }
  }
  if (open.empty()) return std::nullopt;
  const char closer = open.back().closer;
  return YamlFault{open.back().line, std::string("has '") + (closer == '}' ? '{' : '[') + "' that is not closed: '" +
                                         closer + "' is missing"};
}

YamlFault no_key(std::string_view text, int line) {
  const bool has_colon = text.find(':') != std::string_view::npos;
  return {line, has_colon ? "lacks a space after the colon: key: value" : "lacks a colon: key: value"};
}

/// A colon where no key can end: what is before it, in its line or in the one above, is not what it was meant to be.
YamlFault colon_fault(const std::vector<std::string_view>& lines, int line, int column) {
  const std::string_view at = lines[static_cast<std::size_t>(line) - 1];
  if (has_key(at.substr(0, static_cast<std::size_t>(column) - 1))) {
    return {line, "has two keys: the map that is a value goes into {}, a text with ': ' into quotes"};
  }
  int above = line - 1;
  while (above > 0 && !says_something(lines[static_cast<std::size_t>(above) - 1])) --above;
  if (above == 0) return {line, "has ':' where no key can end"};
  const std::string_view before = lines[static_cast<std::size_t>(above) - 1];
  if (!has_key(before)) return no_key(before, above);
  if (indentation(at) > indentation(before)) {
    return {line, "is indented further than the line above, which has a value"};
  }
  return {line, "has ':' where no key can end"};
}

YamlFault end_fault(const std::vector<std::string_view>& lines, int line, int column) {
  const std::string_view at = lines[static_cast<std::size_t>(line) - 1];
  if (static_cast<std::size_t>(column) - 1 != indentation(at)) return {line, "has text after the end of a value"};
  if (at.substr(indentation(at)).starts_with("- ")) return {line, "is an item of a list among the keys of a map"};
  if (!has_key(at)) return no_key(at, line);
  return {line, "is indented otherwise than the keys above: keys of one map begin in the same column"};
}

}  // namespace

YamlFault yaml_fault(std::string_view yaml, int line, int column, const std::string& message) {
  namespace Msg = YAML::ErrorMsg;
  const std::vector<std::string_view> lines = lines_of(yaml);
  YamlFault other{line, "is not YAML: " + message};
  if (message == Msg::END_OF_MAP_FLOW || message == Msg::END_OF_SEQ_FLOW || message == Msg::FLOW_END) {
    if (auto found = open_bracket(yaml)) return *std::move(found);
    return {line, message == Msg::FLOW_END ? "closes a bracket that is not open"
                                           : "lacks a comma between two entries of {} or []"};
  }
  if (line < 1 || static_cast<std::size_t>(line) > lines.size()) return other;
  const std::string_view at = lines[static_cast<std::size_t>(line) - 1];
  if (at.substr(0, indentation(at)).find('\t') != std::string_view::npos) {
    return {line, "begins with a tab: YAML is indented by spaces"};
  }
  if (message == Msg::MAP_VALUE) return colon_fault(lines, line, column);
  if (message == Msg::END_OF_MAP) return end_fault(lines, line, column);
  if (message == Msg::UNKNOWN_TOKEN && static_cast<std::size_t>(column) <= at.size()) {
    const std::string first(1, at[static_cast<std::size_t>(column) - 1]);
    return {line, "has a value that begins with '" + first + "': put it into quotes"};
  }
  return other;
}

}  // namespace shoal::spec
