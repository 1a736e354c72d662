#include "calibration/csv_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iterator>

namespace supernode {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The cell of `line` that begins at `at`, which then stands at its end. Quotes that do not close are reported.
CsvCell read_cell(std::string_view line, std::size_t& at, SourcePosition place, Diagnostics& diagnostics) {
  CsvCell cell{"", static_cast<int>(at) + 1};
  place.column = cell.column;
  const bool quoted = line.substr(at, 1) == "\"";
  bool closed = false;
  for (at += quoted ? 1 : 0; quoted && at < line.size() && !closed; ++at) {
    if (line[at] == '"' && line.substr(at + 1, 1) == "\"")
      ++at;
    else
      closed = line[at] == '"';
    if (!closed) cell.text += line[at];
  }
  const std::size_t end = std::min(line.find(',', at), line.size());
  if (!quoted)
    cell.text = line.substr(at, end - at);
  else if (!closed)
    diagnostics.error(place, "the quote is not closed on this line");
  else if (end != at)
    diagnostics.error(place, "text behind a closing quote; a quote inside a quoted cell is written twice");
  at = end;
  return cell;
}

std::vector<CsvCell> split(std::string_view line, const SourcePosition& position, Diagnostics& diagnostics) {
  std::vector<CsvCell> cells;
  for (std::size_t at = 0;; ++at) {
    cells.push_back(read_cell(line, at, position, diagnostics));
    if (at >= line.size()) return cells;
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool check_header(const std::vector<std::string>& header, std::span<const std::string> required,
                  const SourcePosition& position, Diagnostics& diagnostics) {
  bool complete = true;
  for (auto column = header.begin(); column != header.end(); ++column) {
    if (column->empty() || std::find(header.begin(), column, *column) == column) continue;
    diagnostics.error(position, fmt::format("column '{}' stands twice", *column));
    complete = false;
  }
  std::vector<std::string> unasked;  // what a missing column may be a slip of
  std::copy_if(header.begin(), header.end(), std::back_inserter(unasked), [&](const std::string& column) {
    return std::find(required.begin(), required.end(), column) == required.end();
  });
  for (const std::string& column : required) {
    if (std::find(header.begin(), header.end(), column) != header.end()) continue;
    diagnostics.error(position, fmt::format("missing column '{}'{}", column, suggestion(column, unasked)));
    complete = false;
  }
  return complete;
}

}  // namespace

const CsvCell* CsvRow::find(std::string_view column) const {
  const auto place = std::find(header_->begin(), header_->end(), column);
  return place == header_->end() ? nullptr : &cells_[place - header_->begin()];
}

std::string_view CsvRow::text(std::string_view column) const {
  const CsvCell* cell = find(column);
  return cell ? std::string_view(cell->text) : std::string_view();
}

SourcePosition CsvRow::position(std::string_view column) const {
  SourcePosition position = position_;
  if (const CsvCell* cell = find(column)) position.column = cell->column;
  return position;
}

std::optional<double> CsvRow::number(std::string_view column, Diagnostics& diagnostics) const {
  const std::string_view cell = text(column);
  if (cell.empty()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error == std::errc() && end == cell.data() + cell.size() && std::isfinite(value)) return value;
  const bool unit = error == std::errc() && std::isfinite(value) && end != cell.data() + cell.size() &&
                    (*end == ' ' || std::isalpha(static_cast<unsigned char>(*end)));
  diagnostics.error(
      position(column),
      unit ? fmt::format("column '{}': '{}' has a unit; cells are bare numbers, in the column's own unit", column, cell)
           : fmt::format("column '{}': '{}' is not a number", column, cell));
  return std::nullopt;
}

std::optional<std::int64_t> CsvRow::integer(std::string_view column, Diagnostics& diagnostics) const {
  const std::optional<double> value = number(column, diagnostics);
  if (!value) return std::nullopt;
  if (*value == std::floor(*value) && std::abs(*value) < 9e15) return static_cast<std::int64_t>(*value);
  diagnostics.error(position(column), fmt::format("column '{}': '{}' is not an integer", column, text(column)));
  return std::nullopt;
}

std::optional<bool> CsvRow::boolean(std::string_view column, Diagnostics& diagnostics) const {
  const std::string cell = lower(text(column));
  if (cell.empty()) return std::nullopt;
  if (cell == "true" || cell == "1") return true;
  if (cell == "false" || cell == "0") return false;
  diagnostics.error(position(column), fmt::format("column '{}': '{}' is not true or false", column, text(column)));
  return std::nullopt;
}

std::optional<CsvTable> CsvTable::parse(const SourceFile& file, std::span<const std::string> required,
                                        Diagnostics& diagnostics) {
  const auto source = std::make_shared<const SourceFile>(file);
  CsvTable table;
  std::string_view rest = source->text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  for (int line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    const SourcePosition position{source, line_number, 1};
    const int errors = diagnostics.error_count();
    std::vector<CsvCell> cells = split(line, position, diagnostics);
    const bool well_formed = diagnostics.error_count() == errors;
    if (!table.header_) {
      if (!well_formed) return std::nullopt;
      std::vector<std::string> header;
      for (CsvCell& cell : cells) header.push_back(std::move(cell.text));
      if (!check_header(header, required, position, diagnostics)) return std::nullopt;
      table.header_ = std::make_shared<const std::vector<std::string>>(std::move(header));
    } else if (!well_formed) {
      ++table.dropped_;
    } else if (cells.size() != table.header_->size()) {
      ++table.dropped_;
      diagnostics.error(position, fmt::format("{} cells where the header has {}", cells.size(), table.header_->size()));
    } else {
      table.rows_.emplace_back(std::move(cells), table.header_.get(), position);
    }
  }
  if (table.header_) return table;
  diagnostics.error({source, 0, 0}, "no header line");
  return std::nullopt;
}

std::vector<std::string> csv_header(const SourceFile& file) {
  Diagnostics ignored;  // CsvTable::parse reports
  const auto table = CsvTable::parse({file.name, file.text.substr(0, file.text.find('\n'))}, {}, ignored);
  return table ? table->header() : std::vector<std::string>();
}

}  // namespace supernode
