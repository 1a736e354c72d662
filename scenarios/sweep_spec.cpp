#include "scenarios/sweep_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>

#include "base/units.hpp"

namespace supernode {

namespace {

// A number and the unit behind it, "" for a plain number. `si` is its value in SI.
struct Amount {
  double number = 0, si = 0;
  std::string unit;
  Dimension dimension{};
};

std::string trimmed(const std::string& text) {
  const auto from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

std::optional<Amount> parse_amount(const std::string& text) {
  Amount amount;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount.number);
  if (error != std::errc() || !std::isfinite(amount.number)) return std::nullopt;
  amount.unit = trimmed({end, text.data() + text.size()});
  amount.si = amount.number;
  if (amount.unit.empty()) return amount;
  for (const Dimension dimension : {Dimension{0, 1, 0}, Dimension{-1, 1, 0}, Dimension{1, 0, 0}}) {
    const ParsedQuantity parsed = parse_quantity(text, dimension, true);
    if (!parsed.ok) continue;
    amount.si = parsed.si;
    amount.dimension = dimension;
    return amount;
  }
  return std::nullopt;
}

// Bytes in the largest binary unit that holds them exactly, since their ranges are powers of two.
std::string exact_bytes(double bytes) {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; unit + 1 < std::size(kUnits) && bytes >= 1024 && std::fmod(bytes, 1024) == 0; ++unit) bytes /= 1024;
  return fmt::format("{} {}", bytes, kUnits[unit]);
}

std::string amount_text(double si, const Amount& like) {
  if (like.unit.empty()) return fmt::format("{}", si);
  if (like.dimension == Dimension{0, 1, 0}) return exact_bytes(si);
  return fmt::format("{:.12g} {}", si / (like.si / like.number), like.unit);
}

// How a range goes on: by a factor, or by a step.
struct Stride {
  double factor = 2, step = 0;
  double next(double value) const { return step > 0 ? value + step : value * factor; }
};

// Between the parts of one text, so that each error points to its place.
class SweepParser {
 public:
  SweepParser(const std::string& text, Diagnostics& diagnostics)
      : text_(text),
        file_(std::make_shared<const SourceFile>(SourceFile{"--sweep", text})),
        diagnostics_(diagnostics) {}

  void parse(std::vector<SweepAxis>& axes) {
    SweepAxis* axis = nullptr;
    for (std::size_t begin = 0; begin <= text_.size();) {
      const std::size_t end = std::min(text_.find(',', begin), text_.size());
      std::string item = text_.substr(begin, end - begin);
      std::size_t value_at = begin;
      if (const auto equals = item.find('='); equals != std::string::npos) {
        axis = start_axis(axes, trimmed(item.substr(0, equals)), begin);
        value_at += equals + 1;
        item = item.substr(equals + 1);
      }
      if (!axis) return;
      add(trimmed(item), value_at, *axis);
      begin = end + 1;
    }
  }

 private:
  void error(std::size_t at, std::string message) {
    diagnostics_.error({file_, 1, static_cast<int>(at) + 1}, std::move(message));
  }

  SweepAxis* start_axis(std::vector<SweepAxis>& axes, const std::string& key, std::size_t at) {
    const auto same = [&](const SweepAxis& other) { return other.key == key; };
    if (key.empty() || std::ranges::any_of(axes, same)) {
      error(at, key.empty() ? "no key before '='" : fmt::format("'{}' is swept twice", key));
      return nullptr;
    }
    axes.push_back({key, {}});
    return &axes.back();
  }

  void add(const std::string& item, std::size_t at, SweepAxis& axis) {
    if (const auto dots = item.find(".."); dots != std::string::npos) return add_range(item, dots, at, axis);
    if (item.empty()) return error(at, fmt::format("'{}' has an empty value", axis.key));
    axis.values.push_back(item);
  }

  void add_range(const std::string& item, std::size_t dots, std::size_t at, SweepAxis& axis) {
    const auto colon = item.find(':', dots);
    const std::string first = trimmed(item.substr(0, dots));
    const std::string last = trimmed(item.substr(dots + 2, colon == std::string::npos ? colon : colon - dots - 2));
    const auto from = parse_amount(first), to = parse_amount(last);
    if (!from || !to) return error(at, fmt::format("'{}' is no number or quantity", from ? last : first));
    if (from->unit.empty() != to->unit.empty() || from->dimension != to->dimension)
      return error(at, fmt::format("'{}' and '{}' have no common unit", first, last));
    if (from->si <= 0 || to->si < from->si)
      return error(at, "a range goes upwards from a first value above zero, e.g. 1KiB..1GiB");
    const auto stride = colon == std::string::npos ? Stride{} : parse_stride(trimmed(item.substr(colon + 1)), *from);
    if (!stride)
      return error(at + colon,
                   "a range goes by a factor above 1 (:x4) or by a step (:+8), in no more than 10,000 values");
    for (double si = from->si; si < to->si * (1 - 1e-9); si = stride->next(si)) {
      if (axis.values.size() > 10'000) return error(at, "the range has more than 10,000 values");
      axis.values.push_back(amount_text(si, *from));
    }
    axis.values.push_back(amount_text(to->si, *from));
  }

  static std::optional<Stride> parse_stride(const std::string& text, const Amount& first) {
    if (text.size() < 2) return std::nullopt;
    const auto amount = parse_amount(trimmed(text.substr(1)));
    if (!amount) return std::nullopt;
    if (text[0] == 'x' && amount->unit.empty() && amount->number >= 1.001) return Stride{amount->number, 0};
    const bool step = text[0] == '+' && amount->si > 0 && amount->dimension == first.dimension &&
                      amount->unit.empty() == first.unit.empty();
    return step ? std::optional(Stride{1, amount->si}) : std::nullopt;
  }

  const std::string& text_;
  std::shared_ptr<const SourceFile> file_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<SweepAxis> parse_sweep(const std::vector<std::string>& texts, Diagnostics& diagnostics) {
  std::vector<SweepAxis> axes;
  double points = 1;
  for (const std::string& text : texts) {
    const std::size_t before = axes.size();
    const int errors = diagnostics.error_count();
    SweepParser(text, diagnostics).parse(axes);
    if (axes.size() == before && diagnostics.error_count() == errors) {
      const auto file = std::make_shared<const SourceFile>(SourceFile{"--sweep", text});
      diagnostics.error({file, 1, 1}, "a sweep is KEY=VALUES, e.g. bytes=1KiB..1GiB,ranks=8,16,32");
    }
  }
  for (const SweepAxis& axis : axes) points *= static_cast<double>(axis.values.size());
  if (points > static_cast<double>(kMostSweepPoints))
    diagnostics.error({}, fmt::format("the sweep has {:.0f} points; {} are the most", points, kMostSweepPoints));
  return axes;
}

std::vector<std::vector<Override>> sweep_points(const std::vector<SweepAxis>& axes) {
  std::vector<std::vector<Override>> points = {{}};
  for (const SweepAxis& axis : axes) {
    std::vector<std::vector<Override>> longer;
    for (const auto& point : points) {
      for (const std::string& value : axis.values) {
        longer.push_back(point);
        longer.back().push_back({axis.key, value});
      }
    }
    points = std::move(longer);
  }
  return points;
}

}  // namespace supernode
