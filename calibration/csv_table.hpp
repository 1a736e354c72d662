#pragma once
// A CSV file with a header line, cell by cell with its place: quotes and doubled quotes as in RFC 4180, lines that end
// in LF or CR LF, a byte order mark or none, no line breaks inside a cell. Columns that stand twice, quotes that do not
// close, rows of a wrong width and cells that are no number are errors with line and column.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace supernode {

struct CsvCell {
  std::string text;
  int column = 0;  // 1-based, in bytes
};

class CsvRow {
 public:
  CsvRow(std::vector<CsvCell> cells, const std::vector<std::string>* header, SourcePosition position)
      : cells_(std::move(cells)), header_(header), position_(std::move(position)) {}

  // The cell's text; "" when the table has no such column.
  std::string_view text(std::string_view column) const;
  // Absent when the cell is empty or ill-formed; the latter is reported.
  std::optional<double> number(std::string_view column, Diagnostics& diagnostics) const;
  std::optional<std::int64_t> integer(std::string_view column, Diagnostics& diagnostics) const;
  // "true", "false", "1", "0" in any case.
  std::optional<bool> boolean(std::string_view column, Diagnostics& diagnostics) const;
  const std::vector<CsvCell>& cells() const { return cells_; }  // as many as the header has
  SourcePosition position() const { return position_; }
  SourcePosition position(std::string_view column) const;

 private:
  const CsvCell* find(std::string_view column) const;
  std::vector<CsvCell> cells_;
  const std::vector<std::string>* header_;
  SourcePosition position_;
};

class CsvTable {
 public:
  // Absent when the file has no header or lacks a required column, which is reported. Bad rows are reported and left
  // out.
  static std::optional<CsvTable> parse(const SourceFile& file, std::span<const std::string> required,
                                       Diagnostics& diagnostics);
  const std::vector<CsvRow>& rows() const { return rows_; }
  const std::vector<std::string>& header() const { return *header_; }
  int dropped() const { return dropped_; }  // lines that are no row of the table, reported

 private:
  std::shared_ptr<const std::vector<std::string>> header_;
  std::vector<CsvRow> rows_;
  int dropped_ = 0;
};

// The names of a file's columns; none when it has no header line.
std::vector<std::string> csv_header(const SourceFile& file);

}  // namespace supernode
