#pragma once
// Text in columns. The first column is flush left, the others flush right unless said otherwise.

#include <string>
#include <string_view>
#include <vector>

namespace supernode {

enum class Align { kLeft, kRight };

class Table {
 public:
  // Without a header the table begins with its first row.
  explicit Table(std::vector<std::string> header = {}) : header_(std::move(header)) {}

  void align(std::size_t column, Align alignment);
  void add(std::vector<std::string> row);  // rows may be shorter than others
  bool empty() const { return rows_.empty(); }

  // Each line indented by `indent`, columns two blanks apart, no trailing blanks.
  std::string render(int indent = 2) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<Align> alignment_;
};

// Columns that UTF-8 text takes on a terminal: one a code point (none here is wide).
std::size_t display_width(std::string_view text);

// `text` folded at blanks into lines of at most `width` columns, each indented by `indent`.
std::string wrap(std::string_view text, int indent, int width = 100);

}  // namespace supernode
