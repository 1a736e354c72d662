#include "calibration/trace_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace supernode {

namespace {

constexpr std::string_view kUnits[] = {"ns",     "us",      "ms",     "s",     "sec",   "secs",  "seconds",
                                       "min",    "minutes", "h",      "hours", "usec",  "msec",  "nsec",
                                       "bps",    "kbps",    "mbps",   "gbps",  "tbps",  "gibps", "mibps",
                                       "gflops", "mflops",  "pflops", "flops", "cycles"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_unit(std::string_view text) {
  return std::find(std::begin(kUnits), std::end(kUnits), text) != std::end(kUnits);
}

// "time" of "time_us", "iteration time" of "iteration time (ms)", "" of "tflops": what stands before the unit.
std::string quantity(std::string_view column) {
  const std::string text = lower(column);
  if (text.ends_with(')')) return text.substr(0, text.find(" ("));
  const auto dash = text.rfind('_');
  if (dash == std::string::npos) return is_unit(text) || text == "tflops" ? "" : text;
  return is_unit(text.substr(dash + 1)) ? text.substr(0, dash) : text;
}

}  // namespace

void check_units(const SourceFile& file, const std::vector<std::string>& columns, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const SourceFile>(file);
  for (const std::string& present : csv_header(file)) {
    if (std::find(columns.begin(), columns.end(), present) != columns.end()) continue;
    for (const std::string& column : columns) {
      if (present.empty() || quantity(present) != quantity(column)) continue;
      const auto at = file.text.find(present);
      diagnostics.error({source, 1, static_cast<int>(at) + 1},
                        fmt::format("column '{}' gives in another unit what column '{}' is for; a table has one unit "
                                    "for a quantity",
                                    present, column));
    }
  }
}

void check_positive(const CsvRow& row, std::string_view column, Diagnostics& diagnostics) {
  const auto value = row.number(column, diagnostics);
  if (value && *value <= 0) {
    diagnostics.error(row.position(column), fmt::format("column '{}': {} is not above zero", column, row.text(column)));
  }
}

void check_measured(const CsvRow& row, std::string_view time, std::string_view rate, Diagnostics& diagnostics) {
  const int before = diagnostics.error_count();
  check_positive(row, time, diagnostics);
  const auto value = row.number(rate, diagnostics);
  const bool rounded = value && *value == 0 && !row.text(time).empty();
  if (value && *value <= 0 && !rounded) {
    diagnostics.error(row.position(rate), fmt::format("column '{}': {} is not above zero", rate, row.text(rate)));
  }
  if (diagnostics.error_count() == before && row.text(time).empty() && row.text(rate).empty())
    diagnostics.error(row.position(), fmt::format("a row needs a positive {} or {}", time, rate));
}

void add_errors_of_other_lines(const Diagnostics& more, Diagnostics& diagnostics) {
  const BadRows known(diagnostics);
  for (const Diagnostic& each : more.all()) {
    if (each.severity == Severity::kError && !known.has(each.position.line))
      diagnostics.error(each.position, each.message);
  }
}

BadRows::BadRows(const Diagnostics& diagnostics) {
  for (const Diagnostic& each : diagnostics.all())
    if (each.severity == Severity::kError) lines_.insert(each.position.line);
}

}  // namespace supernode
