#pragma once
// Reads a spec struct from a located YAML map, field by field. One binding function serves three ends: it reads a
// file, it reports every error with its place (unknown key, missing key, wrong type, wrong or missing unit, out of
// range, unknown choice), and, run on no map at all, it documents itself for the generated scenario reference.
//
//   void bind(PlanSpec& plan, SpecReader& r) {
//     r.integer({"tensor_parallel", "ranks that share each layer's matrices"}, plan.tensor_parallel, {.min = 1});
//     r.quantity({"bandwidth", "per chip and direction", kRequired}, spec.bandwidth);
//   }
//   SpecReader r(node, "plan", diagnostics);  bind(plan, r);  r.finish();

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quantity.hpp"
#include "base/yaml.hpp"

namespace supernode {

enum class Confidence { kDatasheet, kMeasured, kDerived, kAssumed, kUser };
std::string_view to_string(Confidence confidence);

// A value with where it comes from. Catalogue files must give all three; a scenario may override with a plain scalar.
template <class T>
struct Sourced {
  T value{};
  std::string source;
  Confidence confidence = Confidence::kAssumed;
};

// One documented field of the schema, as recorded for the reference.
struct FieldDoc {
  std::string path;           // "plan.tensor_parallel"
  std::string type;           // "integer", "bytes/s", "one of none | selective | full", …
  std::string default_value;  // "" when required
  std::string doc;
};

enum Presence { kOptional, kRequired };

struct Field {
  std::string_view key;
  std::string_view doc;
  Presence presence = kOptional;
};

// A billion at most unless a field says otherwise, so that products of two fields cannot overflow.
struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = 1'000'000'000;
};
struct NumberRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

template <class Enum>
using Choice = std::pair<std::string_view, Enum>;

class SpecReader {
 public:
  // Reads `node`, which must be a map (null counts as empty). `path` names it in messages and docs.
  SpecReader(const YamlNode& node, std::string path, Diagnostics& diagnostics);
  // Documents only: every read records a FieldDoc and leaves the value at its default.
  SpecReader(std::string path, std::vector<FieldDoc>& docs);

  // Each read returns true when the key was present and well-formed; otherwise `out` keeps its default.
  bool integer(Field field, std::int64_t& out, IntegerRange range = {});
  bool number(Field field, double& out, NumberRange range = {});
  bool boolean(Field field, bool& out);  // true | false, nothing else
  bool text(Field field, std::string& out);
  bool text_list(Field field, std::vector<std::string>& out);
  bool integers(Field field, std::vector<std::int64_t>& out, IntegerRange range = {});
  template <int T, int D, int W>
  bool quantity(Field field, Quantity<T, D, W>& out, bool allow_zero = false) {
    double si = out.value();
    const bool ok = quantity_si(field, {T, D, W}, si, allow_zero);
    if (ok) out = Quantity<T, D, W>(si);
    return ok;
  }
  template <class Enum>
  bool choice(Field field, Enum& out, std::span<const Choice<Enum>> choices) {
    std::vector<std::string> names;
    std::size_t index = choices.size();
    for (std::size_t i = 0; i < choices.size(); ++i) {
      names.emplace_back(choices[i].first);
      if (choices[i].second == out) index = i;
    }
    const bool ok = choice_index(field, names, index);
    if (ok) out = choices[index].second;
    return ok;
  }
  // A list of distinct choices.
  template <class Enum>
  bool choices(Field field, std::vector<Enum>& out, std::span<const Choice<Enum>> choices) {
    std::vector<std::string> names;
    for (const auto& choice : choices) names.push_back(std::string(choice.first));
    std::vector<std::size_t> indices;
    if (!choice_indices(field, names, indices)) return false;
    out.clear();
    for (std::size_t index : indices) out.push_back(choices[index].second);
    return true;
  }
  // A catalogue value: {value: 392 GB/s, source: …, confidence: datasheet}; a bare scalar is the user's own.
  template <int T, int D, int W>
  bool sourced(Field field, Sourced<Quantity<T, D, W>>& out, bool allow_zero = false) {
    double si = out.value.value();
    const bool ok = sourced_si(field, {T, D, W}, si, allow_zero, out.source, out.confidence);
    if (ok) out.value = Quantity<T, D, W>(si);
    return ok;
  }
  bool sourced_integer(Field field, Sourced<std::int64_t>& out, IntegerRange range = {});
  bool sourced_number(Field field, Sourced<double>& out, NumberRange range = {});

  // A nested map: `read` gets a reader on it. When the key is absent `read` is not called (but is, to document).
  bool object(Field field, const std::function<void(SpecReader&)>& read);
  // A list of maps: `read` gets a reader on each in turn (on none, once, to document).
  bool items(Field field, const std::function<void(SpecReader&)>& read);
  // A map whose keys are the user's own (e.g. precisions): `read` is called per entry with a reader on the whole map
  // and the entry's key, which it must read. Not called in documentation mode.
  bool dictionary(Field field, const std::function<void(SpecReader&, const std::string& key)>& read);

  bool has(std::string_view key) const;
  const YamlNode* find(std::string_view key) const;
  SourcePosition position(std::string_view key) const;  // of the value; of the map when absent
  SourcePosition position() const;
  void error(std::string_view key, std::string message);  // at the key's value
  bool documenting() const { return docs_ != nullptr; }
  Diagnostics& diagnostics() { return *diagnostics_; }

  // Reports each key that no read asked for, with the nearest known one. Called once, last.
  void finish();

 private:
  struct Exponents {
    int time, data, work;
  };
  const YamlNode* take(Field field, std::string type, std::string default_value);
  bool quantity_si(Field field, Exponents dimension, double& si, bool allow_zero);
  bool sourced_si(Field field, Exponents dimension, double& si, bool allow_zero, std::string& source,
                  Confidence& confidence);
  bool sourced_parts(const YamlNode& node, Field field, std::string& source, Confidence& confidence,
                     const YamlNode*& value);
  bool choice_indices(Field field, const std::vector<std::string>& names, std::vector<std::size_t>& indices);
  bool choice_index(Field field, const std::vector<std::string>& names, std::size_t& index);
  bool parse_integer(const YamlNode& node, std::string_view key, std::int64_t& out, IntegerRange range);
  bool parse_number(const YamlNode& node, std::string_view key, double& out, NumberRange range);
  bool parse_quantity(const YamlNode& node, std::string_view key, Exponents dimension, double& si, bool allow_zero);
  std::string full(std::string_view key) const;

  const YamlNode* node_ = nullptr;
  std::string path_;
  Diagnostics* diagnostics_ = nullptr;
  std::vector<FieldDoc>* docs_ = nullptr;
  std::vector<std::string> known_;
};

}  // namespace supernode
