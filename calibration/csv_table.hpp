#pragma once
// A CSV file with a header line, cell by cell with its place: quotes and doubled quotes as in RFC 4180, no line breaks
// inside a cell. Rows of a wrong width and cells that are no number are errors with line and column.

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

 private:
  std::shared_ptr<const std::vector<std::string>> header_;
  std::vector<CsvRow> rows_;
};

}  // namespace supernode
