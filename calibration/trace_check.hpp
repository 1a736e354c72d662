#pragma once
// What a table of measurements must hold before anything is predicted from it, beyond cells that can be read: one unit
// a quantity, and measured figures above zero.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/csv_table.hpp"

namespace supernode {

// Reports columns that give one of the quantities in another unit: "time_ms" beside or instead of "time_us". `columns`
// end in their unit behind the last '_' ("busbw_GBps"); one without is any spelling of "tflops".
void check_units(const SourceFile& file, const std::vector<std::string>& columns, Diagnostics& diagnostics);

// Reports a cell that is no number above zero; an empty one is none.
void check_positive(const CsvRow& row, std::string_view column, Diagnostics& diagnostics);

// Reports a row without a time or a rate above zero. Beside a time a rate of 0 is one that was printed with too few
// digits.
void check_measured(const CsvRow& row, std::string_view time, std::string_view rate, Diagnostics& diagnostics);

// Adds the errors of `more` that concern lines without one so far: the same cell read twice is wrong once.
void add_errors_of_other_lines(const Diagnostics& more, Diagnostics& diagnostics);

// Rows that are not to be used: those with an error at their line.
class BadRows {
 public:
  explicit BadRows(const Diagnostics& diagnostics);
  bool has(int line) const { return lines_.contains(line); }
  bool empty() const { return lines_.empty(); }
  std::size_t count() const { return lines_.size(); }

 private:
  std::set<int> lines_;
};

}  // namespace supernode
