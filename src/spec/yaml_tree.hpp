#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/error.hpp"

namespace shoal::spec {

struct YamlEntry;

/// A YAML value that remembers where it was written.
struct YamlTree {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 0;         ///< 1-based
  std::string origin;   ///< the override that wrote it; empty: the file
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a quoted scalar is text, whatever it looks like
  std::vector<YamlTree> items;
  std::vector<YamlEntry> entries;  ///< of a map, in the order of the file; duplicate keys are all here

  [[nodiscard]] const YamlEntry* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  int line = 0;
  YamlTree value;
};

/// Collects what is wrong with one file and its overrides.
class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}
  void add(const YamlTree& at, std::string path, std::string message);
  void add(const YamlEntry& at, std::string path, std::string message);
  /// Throws InputError with everything collected, in the order of the file, overrides last.
  void throw_if_any();

 private:
  void add(int line, const std::string& origin, std::string path, std::string message);
  std::string file_;
  std::vector<Diagnostic> faults_;
};

/// The one document of `yaml`; throws InputError naming `file` where it is not one map.
[[nodiscard]] YamlTree parse_yaml(std::string_view yaml, const std::string& file, Faults& faults);

/// Writes `path=value` into the tree, creating maps on the way.
void apply_override(YamlTree& root, const std::string& assignment, Faults& faults);

/// `'relu'`, `the text '3'`, `a list`: what stands at a place, for messages.
[[nodiscard]] std::string described(const YamlTree& tree);

}  // namespace shoal::spec
