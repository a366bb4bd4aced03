#include "spec/yaml_tree.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <yaml-cpp/yaml.h>

#include "spec/yaml_fault.hpp"

namespace shoal::spec {
namespace {

// An alias may contain itself, and a few aliases of aliases can describe more values than memory holds.
constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxValues = 2'000'000;

struct Converter {
  const std::string& file;
  const std::string& origin;
  Faults& faults;
  std::size_t n_values = 0;
  bool lacks_space = false;  ///< after a colon: what was meant to be a key and its value is one word

  [[nodiscard]] int line_of(const YAML::Node& node) const {
    return origin.empty() && !node.Mark().is_null() ? node.Mark().line + 1 : 0;
  }

  YamlTree convert(const YAML::Node& node, const std::string& path, int depth) {
    YamlTree tree;
    tree.line = line_of(node);
    tree.origin = origin;
    if (depth > kMaxDepth || ++n_values > kMaxValues) {
      throw InputError({origin.empty() ? file : "override '" + origin + "'", tree.line, path, "is nested too deeply"});
    }
    if (node.IsScalar()) {
      tree.kind = YamlTree::Kind::scalar;
      tree.text = node.Scalar();
      tree.quoted = node.Tag() == "!";
    } else if (node.IsSequence()) {
      tree.kind = YamlTree::Kind::list;
      for (std::size_t i = 0; i < node.size(); ++i) {
        tree.items.push_back(convert(node[i], path + '[' + std::to_string(i) + ']', depth + 1));
      }
    } else if (node.IsMap()) {
      tree.kind = YamlTree::Kind::map;
      convert_entries(node, path, depth, tree);
    }
    return tree;
  }

  void convert_entries(const YAML::Node& node, const std::string& path, int depth, YamlTree& tree) {
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) {
        YamlTree place;
        place.line = line_of(pair.first);
        place.origin = origin;
        faults.add(place, path, "a key must be a word");
        continue;
      }
      const std::string key = pair.first.Scalar();
      const std::string key_path = path.empty() ? key : path + '.' + key;
      if (const std::size_t colon = key.find(':'); colon != std::string::npos) {
        YamlTree place;
        place.line = line_of(pair.first);
        place.origin = origin;
        faults.add(place, path, "'" + key + "' lacks a space after the colon: '" + key.substr(0, colon + 1) + " ...'");
        lacks_space = true;
        continue;
      }
      YamlEntry entry{key, line_of(pair.first), convert(pair.second, key_path, depth + 1)};
      // The mark of an empty value is where the next thing starts.
      if (entry.value.kind == YamlTree::Kind::null) entry.value.line = entry.line;
      if (!seen.insert(key).second) {
        faults.add(entry, key_path, "is given twice");
        continue;
      }
      tree.entries.push_back(std::move(entry));
    }
  }
};

YamlFault fault_of(std::string_view yaml, const YAML::Exception& error) {
  const bool is_placed = !error.mark.is_null();
  return yaml_fault(yaml, is_placed ? error.mark.line + 1 : 0, is_placed ? error.mark.column + 1 : 0, error.msg);
}

/// With the ends of lines as \n: a fault is one line.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' ? std::string("\\n") : std::string(1, c);
  return line;
}

}  // namespace

const YamlEntry* YamlTree::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &YamlEntry::key);
  return found == entries.end() ? nullptr : &*found;
}

void Faults::add(int line, const std::string& origin, std::string path, std::string message) {
  faults_.push_back({origin.empty() ? file_ : "override '" + origin + "'", origin.empty() ? line : 0, std::move(path),
                     std::move(message)});
}
void Faults::add(const YamlTree& at, std::string path, std::string message) {
  add(at.line, at.origin, std::move(path), std::move(message));
}
void Faults::add(const YamlEntry& at, std::string path, std::string message) {
  add(at.line, at.value.origin, std::move(path), std::move(message));
}

void Faults::throw_if_any() {
  if (faults_.empty()) return;
  std::ranges::stable_sort(faults_, [this](const Diagnostic& a, const Diagnostic& b) {
    const bool a_override = a.file != file_;
    const bool b_override = b.file != file_;
    return a_override != b_override ? b_override : a.line < b.line;
  });
  throw InputError(std::move(faults_));
}

YamlTree parse_yaml(std::string_view yaml, const std::string& file, Faults& faults) {
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(std::string(yaml));
  } catch (const YAML::Exception& error) {
    YamlFault fault = fault_of(yaml, error);
    throw InputError({file, fault.line, "", std::move(fault.message)});
  }
  if (documents.empty() || !documents[0].IsDefined() || documents[0].IsNull()) {
    throw InputError({file, 0, "", "is empty: a sweep file is a map with at least data.train"});
  }
  if (documents.size() > 1) {
    throw InputError({file, 0, "", "holds " + std::to_string(documents.size()) + " YAML documents: only one is read"});
  }
  if (!documents[0].IsMap()) {
    throw InputError({file, documents[0].Mark().line + 1, "",
                      "a sweep file is a map of data, method, parameters and so on, this is " +
                          std::string(documents[0].IsSequence() ? "a list" : "a single value")});
  }
  const std::string no_origin;
  Converter converter{file, no_origin, faults};
  YamlTree tree = converter.convert(documents[0], "", 0);
  // Else what such a key was meant to give would be said to be missing.
  if (converter.lacks_space) faults.throw_if_any();
  return tree;
}

void apply_override(YamlTree& root, const std::string& assignment, Faults& faults) {
  YamlTree place;
  place.origin = assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    faults.add(place, "", "must be written path=value, for instance parameters.max_iter=5");
    return;
  }
  const std::string path = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);
  YamlTree value;
  try {
    const YAML::Node node = YAML::Load(text);
    value = Converter{path, assignment, faults}.convert(node, path, 0);
  } catch (const YAML::Exception& error) {
    faults.add(place, path, "the value " + fault_of(text, error).message);
    return;
  }
  YamlTree* at = &root;
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = path.find('.', start);
    const std::string key = path.substr(start, dot == std::string::npos ? dot : dot - start);
    if (key.empty()) {
      faults.add(place, path, "has an empty key");
      return;
    }
    if (at->kind != YamlTree::Kind::map) {
      faults.add(place, path, "'" + path.substr(0, start - 1) + "' is " + described(*at) + ", not a map");
      return;
    }
    auto entry = std::ranges::find(at->entries, key, &YamlEntry::key);
    if (entry == at->entries.end()) {
      at->entries.push_back({key, 0, {}});
      entry = std::prev(at->entries.end());
      entry->value.kind = YamlTree::Kind::map;
      entry->value.origin = assignment;
    }
    if (dot == std::string::npos) {
      entry->line = 0;
      entry->value = std::move(value);
      return;
    }
    at = &entry->value;
    start = dot + 1;
  }
}

std::string described(const YamlTree& tree) {
  switch (tree.kind) {
    case YamlTree::Kind::null:
      return "empty";
    case YamlTree::Kind::list:
      return "a list";
    case YamlTree::Kind::map:
      return "a map";
    case YamlTree::Kind::scalar:
      break;
  }
  return (tree.quoted ? "the text '" : "'") + in_one_line(tree.text) + "'";
}

}  // namespace shoal::spec
