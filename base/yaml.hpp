#pragma once
// A located YAML tree: every key and value knows its file, line and column. Refuses what yaml-cpp accepts in
// silence: duplicate keys, several documents, aliases that recurse, binary input, files over 16 MiB.

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace supernode {

struct YamlEntry;

// One node. A value type: copying copies the tree.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;              // kScalar: the text as written, unquoted
  bool quoted = false;             // kScalar: it stood in quotes, so it is text whatever it looks like
  std::vector<YamlNode> items;     // kSequence
  std::vector<YamlEntry> entries;  // kMap, in the order of the file
  SourcePosition position;

  const YamlNode* find(std::string_view key) const;  // kMap: the value under `key`, or nullptr
  YamlNode* find(std::string_view key);
};

struct YamlEntry {
  std::string key;
  SourcePosition key_position;
  YamlNode value;
};

// Parses one document. On any error reports it and returns what could be read (kNull at worst).
// Errors: not UTF-8 text, too large, empty, syntax, duplicate key, more than one document, key that is no scalar.
YamlNode parse_yaml(std::shared_ptr<const SourceFile> file, Diagnostics& diagnostics);

// Reads a file (or stdin for "-") and parses it. Errors: cannot be read, is a directory, and those of parse_yaml.
YamlNode load_yaml(const std::string& path, Diagnostics& diagnostics);

// `overlay` laid over `base`: maps merge key by key; anything else in the overlay replaces. A scalar laid over a
// catalogue value ({value, source, confidence}) replaces its `value` and marks the source as the user's.
YamlNode merge_yaml(const YamlNode& base, const YamlNode& overlay);

// Sets one value by dotted path ("plan.tensor_parallel"), creating maps on the way; a part in double quotes may hold
// dots (chip.fit.parameters."gemm.bf16.efficiency"). `text` is parsed as YAML.
// Positions of the new nodes point into a source named "--set path=text". Errors: empty path or segment, bad YAML.
void set_yaml_path(YamlNode& root, std::string_view path, std::string_view text, Diagnostics& diagnostics);

// YAML text of the tree, canonical: two-space indent, keys in the tree's order, scalars quoted where needed.
std::string emit_yaml(const YamlNode& node);

}  // namespace supernode
