#include "base/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace supernode {
namespace {

// A catalogue value with its provenance: {value: …, source: …, confidence: …}.
bool is_sourced(const YamlNode& node) { return node.kind == YamlNode::Kind::kMap && node.find("value") != nullptr; }

// The user's own scalar in place of a catalogue's value.
YamlNode override_sourced(const YamlNode& base, const YamlNode& overlay) {
  YamlNode out = base;
  out.position = overlay.position;
  *out.find("value") = overlay;
  const auto set = [&](std::string_view key, std::string text) {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.scalar = std::move(text);
    node.quoted = true;
    node.position = overlay.position;
    if (YamlNode* old = out.find(key))
      *old = node;
    else
      out.entries.push_back({std::string(key), overlay.position, node});
  };
  set("source", "set at " + to_string(overlay.position));
  set("confidence", "user");
  return out;
}

bool is_plain_word(const std::string& text) {
  if (text.empty() || text == "~" || text == "null") return false;
  const auto ok = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_-./+() ").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), ok)) return false;
  return std::isalnum(static_cast<unsigned char>(text.front())) && text.back() != ' ';
}

std::string scalar_text(const YamlNode& node) {
  if (is_plain_word(node.scalar) && !node.quoted) return node.scalar;
  std::string out = "\"";
  for (const char c : node.scalar) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

bool is_block(const YamlNode& node) {
  return (node.kind == YamlNode::Kind::kMap && !node.entries.empty()) ||
         (node.kind == YamlNode::Kind::kSequence && !node.items.empty());
}

void emit(const YamlNode& node, int indent, std::string& out);

// A value after "key:" or "-".
void emit_value(const YamlNode& node, int indent, std::string& out) {
  if (is_block(node)) {
    out += '\n';
    emit(node, indent, out);
    return;
  }
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      out += ' ' + scalar_text(node);
      break;
    case YamlNode::Kind::kSequence:
      out += " []";
      break;
    case YamlNode::Kind::kMap:
      out += " {}";
      break;
  }
  out += '\n';
}

void emit(const YamlNode& node, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  for (const YamlEntry& entry : node.entries) {
    YamlNode key;
    key.kind = YamlNode::Kind::kScalar;
    key.scalar = entry.key;
    out += pad + scalar_text(key) + ':';
    emit_value(entry.value, indent + 2, out);
  }
  for (const YamlNode& item : node.items) {
    out += pad + '-';
    emit_value(item, indent + 2, out);
  }
}

// The parts of a dotted path; a part in double quotes may hold dots itself.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (const char c : path) {
    if (c == '"')
      quoted = !quoted;
    else if (c == '.' && !quoted)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(static_cast<const YamlNode*>(this)->find(key));
}

YamlNode merge_yaml(const YamlNode& base, const YamlNode& overlay) {
  if (is_sourced(base) && overlay.kind == YamlNode::Kind::kScalar) return override_sourced(base, overlay);
  if (base.kind != YamlNode::Kind::kMap || overlay.kind != YamlNode::Kind::kMap) return overlay;
  YamlNode out = base;
  out.position = overlay.position;
  for (const YamlEntry& entry : overlay.entries) {
    YamlNode* old = out.find(entry.key);
    if (old == nullptr) {
      out.entries.push_back(entry);
      continue;
    }
    *old = merge_yaml(*old, entry.value);
    const auto slot = std::find_if(out.entries.begin(), out.entries.end(), [&](auto& e) { return e.key == entry.key; });
    slot->key_position = entry.key_position;
  }
  return out;
}

void set_yaml_path(YamlNode& root, std::string_view path, std::string_view text, Diagnostics& diagnostics) {
  auto file = std::make_shared<SourceFile>();
  file->name = "--set " + std::string(path);
  file->text = std::string(text);
  const SourcePosition whole{file, 0, 0};
  Diagnostics own;
  YamlNode value = parse_yaml(file, own);
  for (const Diagnostic& d : own.all()) diagnostics.error(d.position, d.message);
  if (own.has_errors()) return;
  const std::vector<std::string> keys = split_path(path);
  if (keys.empty() || std::find(keys.begin(), keys.end(), std::string()) != keys.end()) {
    diagnostics.error(whole, "the path '" + std::string(path) + "' has an empty part; write e.g. plan.micro_batch=2");
    return;
  }
  YamlNode overlay = std::move(value);
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    YamlNode map;
    map.kind = YamlNode::Kind::kMap;
    map.position = overlay.position;
    map.entries.push_back({*key, overlay.position, std::move(overlay)});
    overlay = std::move(map);
  }
  root = root.kind == YamlNode::Kind::kNull ? overlay : merge_yaml(root, overlay);
}

std::string emit_yaml(const YamlNode& node) {
  if (!is_block(node)) return scalar_text(node) + "\n";
  std::string out;
  emit(node, 0, out);
  return out;
}

}  // namespace supernode
