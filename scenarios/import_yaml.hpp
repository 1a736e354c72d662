#pragma once
// Builds a scenario as a YAML tree, value by value, and keeps what was assumed on the way.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.hpp"

namespace supernode {

class YamlBuilder {
 public:
  // Dotted paths from the root; a later value replaces an earlier one. Text is quoted where YAML needs it.
  void set(std::string_view path, std::int64_t value);
  void set_number(std::string_view path, double value);  // shortest text that reads back the same
  void set_flag(std::string_view path, bool value);
  void set_word(std::string_view path, std::string_view word);  // a choice, a name, a quantity: "fp8", "400 Gbps"
  void set_text(std::string_view path, std::string_view text);  // prose
  void set_list(std::string_view path, const std::vector<std::int64_t>& values);
  void set_words(std::string_view path, const std::vector<std::string>& words);
  bool has(std::string_view path) const;
  std::int64_t integer(std::string_view path, std::int64_t otherwise) const;  // of a value set by set()
  std::string_view word(std::string_view path) const;                         // "" when absent
  void erase(std::string_view path);

  const YamlNode& tree() const { return root_; }
  YamlNode take() { return std::move(root_); }

 private:
  YamlNode& at(std::string_view path);
  const YamlNode* find(std::string_view path) const;
  YamlNode root_;
};

// A scenario (or a model) made from something else, and what had to be assumed.
struct ImportedYaml {
  YamlNode tree;
  std::vector<std::string> assumptions;
  std::vector<std::string> warnings;  // what the input says and the scenario cannot express
};

// YAML text headed by comments: `title`, then the assumptions and warnings one a line.
std::string import_text(const ImportedYaml& imported, std::string_view title);

}  // namespace supernode
