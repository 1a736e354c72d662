#include "calibration/csv_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace supernode {
namespace {

// Cells of one line; an unclosed quote runs to the end of the line.
std::vector<CsvCell> split(std::string_view line) {
  std::vector<CsvCell> cells;
  std::size_t i = 0;
  while (true) {
    CsvCell cell{"", static_cast<int>(i) + 1};
    const bool quoted = i < line.size() && line[i] == '"';
    if (quoted) ++i;
    for (; i < line.size(); ++i) {
      if (quoted && line[i] == '"') {
        if (i + 1 < line.size() && line[i + 1] == '"')
          ++i;
        else
          break;
      } else if (!quoted && line[i] == ',') {
        break;
      }
      cell.text += line[i];
    }
    if (quoted && i < line.size()) ++i;
    cells.push_back(std::move(cell));
    i = line.find(',', i);
    if (i == std::string_view::npos) return cells;
    ++i;
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
  for (const std::string& column : required) {
    if (std::find(header.begin(), header.end(), column) != header.end()) continue;
    diagnostics.error(position, fmt::format("missing column '{}'{}", column, suggestion(column, header)));
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
  diagnostics.error(position(column), fmt::format("column '{}': '{}' is not a number", column, cell));
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
  for (int line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    const SourcePosition position{source, line_number, 1};
    std::vector<CsvCell> cells = split(line);
    if (!table.header_) {
      std::vector<std::string> header;
      for (CsvCell& cell : cells) header.push_back(std::move(cell.text));
      if (!check_header(header, required, position, diagnostics)) return std::nullopt;
      table.header_ = std::make_shared<const std::vector<std::string>>(std::move(header));
    } else if (cells.size() != table.header_->size()) {
      diagnostics.error(position, fmt::format("{} cells where the header has {}", cells.size(), table.header_->size()));
    } else {
      table.rows_.emplace_back(std::move(cells), table.header_.get(), position);
    }
  }
  if (table.header_) return table;
  diagnostics.error({source, 0, 0}, "no header line");
  return std::nullopt;
}

}  // namespace supernode
