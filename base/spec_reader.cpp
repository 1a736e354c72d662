#include "base/spec_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/units.hpp"

namespace supernode {
namespace {

constexpr Choice<Confidence> kConfidences[] = {{"datasheet", Confidence::kDatasheet},
                                               {"measured", Confidence::kMeasured},
                                               {"derived", Confidence::kDerived},
                                               {"assumed", Confidence::kAssumed},
                                               {"user", Confidence::kUser}};

std::string_view kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a plain value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "?";
}

// For messages: the text of a plain value, else its kind.
std::string what_stands(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar ? fmt::format("'{}'", node.scalar) : std::string(kind_name(node));
}

std::string join(const std::vector<std::string>& names, std::string_view separator) {
  return fmt::format("{}", fmt::join(names, separator));
}

// "at least 1", "from 1 to 8", "" when unbounded.
template <class T>
std::string range_text(T min, T max, bool has_min, bool has_max) {
  if (has_min && has_max) return fmt::format("from {} to {}", min, max);
  if (has_min) return fmt::format("at least {}", min);
  return fmt::format("at most {}", max);
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::string_view to_string(Confidence confidence) {
  for (const auto& [name, value] : kConfidences)
    if (value == confidence) return name;
  return "?";
}

SpecReader::SpecReader(const YamlNode& node, std::string path, Diagnostics& diagnostics)
    : node_(&node), path_(std::move(path)), diagnostics_(&diagnostics) {
  if (node.kind != YamlNode::Kind::kMap && node.kind != YamlNode::Kind::kNull)
    diagnostics.error(node.position, fmt::format("{} must be a map of keys and values, not {}",
                                                 path_.empty() ? "the file" : path_, kind_name(node)));
}

SpecReader::SpecReader(std::string path, std::vector<FieldDoc>& docs) : path_(std::move(path)), docs_(&docs) {}

std::string SpecReader::full(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const YamlNode* SpecReader::take(Field field, std::string type, std::string default_value) {
  known_.emplace_back(field.key);
  if (docs_ != nullptr) {
    docs_->push_back({full(field.key), std::move(type),
                      field.presence == kRequired ? std::string() : std::move(default_value), std::string(field.doc)});
    return nullptr;
  }
  const YamlNode* value = node_->find(field.key);
  if (value == nullptr && field.presence == kRequired && node_->kind != YamlNode::Kind::kScalar)
    diagnostics_->error(node_->position, fmt::format("{} is missing: {}", full(field.key), field.doc));
  if (value != nullptr && value->kind == YamlNode::Kind::kNull) {
    diagnostics_->error(value->position,
                        fmt::format("{} has no value; write {} or leave the key out", full(field.key), type));
    return nullptr;
  }
  return value;
}

bool SpecReader::parse_integer(const YamlNode& node, std::string_view key, std::int64_t& out, IntegerRange range) {
  const auto value = node.kind == YamlNode::Kind::kScalar ? parse_whole<std::int64_t>(node.scalar) : std::nullopt;
  if (!value) {
    diagnostics_->error(node.position, fmt::format("{} must be a whole number, not {}", full(key), what_stands(node)));
    return false;
  }
  if (*value < range.min || *value > range.max) {
    diagnostics_->error(node.position, fmt::format("{} must be {}, not {}", full(key),
                                                   range_text(range.min, range.max, range.min != IntegerRange{}.min,
                                                              *value > range.max || range.max != IntegerRange{}.max),
                                                   *value));
    return false;
  }
  out = *value;
  return true;
}

bool SpecReader::parse_number(const YamlNode& node, std::string_view key, double& out, NumberRange range) {
  const auto value = node.kind == YamlNode::Kind::kScalar ? parse_whole<double>(node.scalar) : std::nullopt;
  if (!value || !std::isfinite(*value)) {
    diagnostics_->error(node.position, fmt::format("{} must be a number, not {}", full(key), what_stands(node)));
    return false;
  }
  if (*value < range.min || *value > range.max) {
    diagnostics_->error(
        node.position,
        fmt::format("{} must be {}, not {}", full(key),
                    range_text(range.min, range.max, std::isfinite(range.min), std::isfinite(range.max)), *value));
    return false;
  }
  out = *value;
  return true;
}

bool SpecReader::parse_quantity(const YamlNode& node, std::string_view key, Exponents dimension, double& si,
                                bool allow_zero) {
  if (node.kind != YamlNode::Kind::kScalar) {
    diagnostics_->error(node.position,
                        fmt::format("{} must be a quantity with a unit, not {}", full(key), kind_name(node)));
    return false;
  }
  const auto parsed =
      supernode::parse_quantity(node.scalar, {dimension.time, dimension.data, dimension.work}, allow_zero);
  if (!parsed.ok) {
    diagnostics_->error(node.position, fmt::format("{}: {}", full(key), parsed.error));
    return false;
  }
  si = parsed.si;
  return true;
}

bool SpecReader::integer(Field field, std::int64_t& out, IntegerRange range) {
  const YamlNode* node = take(field, "integer", std::to_string(out));
  return node != nullptr && parse_integer(*node, field.key, out, range);
}

bool SpecReader::number(Field field, double& out, NumberRange range) {
  const YamlNode* node = take(field, "number", fmt::format("{}", out));
  return node != nullptr && parse_number(*node, field.key, out, range);
}

bool SpecReader::boolean(Field field, bool& out) {
  const YamlNode* node = take(field, "true or false", out ? "true" : "false");
  if (node == nullptr) return false;
  const bool is_bool = node->kind == YamlNode::Kind::kScalar && (node->scalar == "true" || node->scalar == "false");
  if (!is_bool) {
    diagnostics_->error(
        node->position,
        fmt::format("{} must be true or false{}", full(field.key),
                    node->kind == YamlNode::Kind::kScalar ? fmt::format(", not '{}'", node->scalar) : std::string()));
    return false;
  }
  out = node->scalar == "true";
  return true;
}

bool SpecReader::text(Field field, std::string& out) {
  const YamlNode* node = take(field, "text", out);
  if (node == nullptr) return false;
  if (node->kind != YamlNode::Kind::kScalar) {
    diagnostics_->error(node->position, fmt::format("{} must be text, not {}", full(field.key), kind_name(*node)));
    return false;
  }
  out = node->scalar;
  return true;
}

bool SpecReader::text_list(Field field, std::vector<std::string>& out) {
  const YamlNode* node = take(field, "list of texts", join(out, ", "));
  if (node == nullptr) return false;
  const auto is_scalar = [](const YamlNode& item) { return item.kind == YamlNode::Kind::kScalar; };
  if (node->kind != YamlNode::Kind::kSequence || !std::all_of(node->items.begin(), node->items.end(), is_scalar)) {
    diagnostics_->error(node->position, fmt::format("{} must be a list of texts", full(field.key)));
    return false;
  }
  out.clear();
  for (const YamlNode& item : node->items) out.push_back(item.scalar);
  return true;
}

bool SpecReader::integers(Field field, std::vector<std::int64_t>& out, IntegerRange range) {
  const YamlNode* node = take(field, "list of integers", fmt::format("[{}]", fmt::join(out, ", ")));
  if (node == nullptr) return false;
  if (node->kind != YamlNode::Kind::kSequence) {
    diagnostics_->error(node->position, fmt::format("{} must be a list of integers", full(field.key)));
    return false;
  }
  std::vector<std::int64_t> values(node->items.size());
  bool good = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    good = parse_integer(node->items[i], field.key, values[i], range) && good;
  }
  if (good) out = std::move(values);
  return good;
}

bool SpecReader::choice_indices(Field field, const std::vector<std::string>& names, std::vector<std::size_t>& indices) {
  const YamlNode* node = take(field, "list of " + join(names, " | "), "[]");
  if (node == nullptr) return false;
  if (node->kind != YamlNode::Kind::kSequence) {
    diagnostics_->error(node->position, fmt::format("{} must be a list", full(field.key)));
    return false;
  }
  bool good = true;
  for (const YamlNode& item : node->items) {
    const auto found = std::find(names.begin(), names.end(), item.scalar);
    const bool known = item.kind == YamlNode::Kind::kScalar && found != names.end();
    if (known) {
      indices.push_back(static_cast<std::size_t>(found - names.begin()));
    } else {
      diagnostics_->error(item.position, fmt::format("{} cannot hold '{}'{}", full(field.key), item.scalar,
                                                     suggestion(item.scalar, names)));
    }
    good = good && known;
  }
  return good;
}

bool SpecReader::quantity_si(Field field, Exponents dimension, double& si, bool allow_zero) {
  const Dimension d{dimension.time, dimension.data, dimension.work};
  const YamlNode* node = take(field, dimension_name(d), format_quantity(si, d));
  return node != nullptr && parse_quantity(*node, field.key, dimension, si, allow_zero);
}

bool SpecReader::choice_index(Field field, const std::vector<std::string>& names, std::size_t& index) {
  const YamlNode* node =
      take(field, "one of " + join(names, " | "), index < names.size() ? names[index] : std::string());
  if (node == nullptr) return false;
  const auto found = std::find(names.begin(), names.end(), node->scalar);
  if (node->kind != YamlNode::Kind::kScalar || found == names.end()) {
    diagnostics_->error(node->position, fmt::format("{} cannot be '{}'{}", full(field.key), node->scalar,
                                                    suggestion(node->scalar, names)));
    return false;
  }
  index = static_cast<std::size_t>(found - names.begin());
  return true;
}

bool SpecReader::sourced_parts(const YamlNode& node, Field field, std::string& source, Confidence& confidence,
                               const YamlNode*& value) {
  if (node.kind == YamlNode::Kind::kScalar) {
    value = &node;
    source = "set at " + to_string(node.position);
    confidence = Confidence::kUser;
    return true;
  }
  SpecReader parts(node, full(field.key), *diagnostics_);
  value = parts.take({"value", "the figure, with its unit", kRequired}, "value", "");
  parts.text({"source", "where the value comes from", kRequired}, source);
  parts.choice<Confidence>({"confidence", "how sure it is", kRequired}, confidence, kConfidences);
  std::string note;
  parts.text({"note", "anything a reader should know"}, note);
  parts.finish();
  return value != nullptr;
}

bool SpecReader::sourced_si(Field field, Exponents dimension, double& si, bool allow_zero, std::string& source,
                            Confidence& confidence) {
  const Dimension d{dimension.time, dimension.data, dimension.work};
  const YamlNode* node = take(field, dimension_name(d), si == 0 ? std::string("0") : format_quantity(si, d));
  const YamlNode* value = nullptr;
  return node != nullptr && sourced_parts(*node, field, source, confidence, value) &&
         parse_quantity(*value, field.key, dimension, si, allow_zero);
}

bool SpecReader::sourced_integer(Field field, Sourced<std::int64_t>& out, IntegerRange range) {
  const YamlNode* node = take(field, "integer", std::to_string(out.value));
  const YamlNode* value = nullptr;
  return node != nullptr && sourced_parts(*node, field, out.source, out.confidence, value) &&
         parse_integer(*value, field.key, out.value, range);
}

bool SpecReader::sourced_number(Field field, Sourced<double>& out, NumberRange range) {
  const YamlNode* node = take(field, "number", fmt::format("{}", out.value));
  const YamlNode* value = nullptr;
  return node != nullptr && sourced_parts(*node, field, out.source, out.confidence, value) &&
         parse_number(*value, field.key, out.value, range);
}

bool SpecReader::object(Field field, const std::function<void(SpecReader&)>& read) {
  const YamlNode* node = take(field, "map", "");
  if (docs_ != nullptr) {
    SpecReader inner(full(field.key), *docs_);
    read(inner);
    return false;
  }
  if (node == nullptr) return false;
  SpecReader inner(*node, full(field.key), *diagnostics_);
  if (node->kind != YamlNode::Kind::kMap) return false;
  read(inner);
  inner.finish();
  return true;
}

bool SpecReader::items(Field field, const std::function<void(SpecReader&)>& read) {
  const YamlNode* node = take(field, "list of maps", "");
  if (docs_ != nullptr) {
    SpecReader inner(full(field.key) + "[]", *docs_);
    read(inner);
    return false;
  }
  if (node == nullptr) return false;
  if (node->kind != YamlNode::Kind::kSequence) {
    diagnostics_->error(node->position, fmt::format("{} must be a list of maps", full(field.key)));
    return false;
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    SpecReader inner(node->items[i], fmt::format("{}[{}]", full(field.key), i), *diagnostics_);
    if (node->items[i].kind != YamlNode::Kind::kMap) continue;
    read(inner);
    inner.finish();
  }
  return true;
}

bool SpecReader::dictionary(Field field, const std::function<void(SpecReader&, const std::string& key)>& read) {
  const YamlNode* node = take(field, "map by name", "");
  if (node == nullptr) return false;
  SpecReader inner(*node, full(field.key), *diagnostics_);
  if (node->kind != YamlNode::Kind::kMap) return false;
  for (const YamlEntry& entry : node->entries) read(inner, entry.key);
  inner.finish();
  return true;
}

bool SpecReader::has(std::string_view key) const { return node_ != nullptr && node_->find(key) != nullptr; }

const YamlNode* SpecReader::find(std::string_view key) const { return node_ == nullptr ? nullptr : node_->find(key); }

SourcePosition SpecReader::position(std::string_view key) const {
  const YamlNode* node = find(key);
  return node != nullptr ? node->position : position();
}

SourcePosition SpecReader::position() const { return node_ == nullptr ? SourcePosition{} : node_->position; }

void SpecReader::error(std::string_view key, std::string message) {
  if (diagnostics_ != nullptr) diagnostics_->error(position(key), std::move(message));
}

void SpecReader::finish() {
  if (docs_ != nullptr || node_->kind != YamlNode::Kind::kMap) return;
  for (const YamlEntry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    diagnostics_->error(entry.key_position,
                        fmt::format("unknown key '{}'{}{}", entry.key, path_.empty() ? std::string() : " in " + path_,
                                    suggestion(entry.key, known_)));
  }
}

}  // namespace supernode
