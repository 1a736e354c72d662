#include "tools/table.hpp"

#include <algorithm>
#include <sstream>

namespace supernode {

std::size_t display_width(std::string_view text) {
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

void Table::align(std::size_t column, Align alignment) {
  while (alignment_.size() <= column) alignment_.push_back(alignment_.empty() ? Align::kLeft : Align::kRight);
  alignment_[column] = alignment;
}

void Table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

std::string Table::render(int indent) const {
  std::vector<std::vector<std::string>> lines = rows_;
  if (!header_.empty()) lines.insert(lines.begin(), header_);
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()), 0);
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  }
  const auto alignment = [&](std::size_t column) {
    if (column < alignment_.size()) return alignment_[column];
    return column == 0 ? Align::kLeft : Align::kRight;
  };
  std::string out;
  for (const auto& line : lines) {
    std::string text(static_cast<std::size_t>(indent), ' ');
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - display_width(line[i]), ' ');
      if (i > 0) text += "  ";
      text += alignment(i) == Align::kLeft ? line[i] + pad : pad + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
  return out;
}

std::string wrap(std::string_view text, int indent, int width) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  std::istringstream words{std::string(text)};
  std::string out, line, word;
  while (words >> word) {
    const bool full =
        !line.empty() && indent + display_width(line) + 1 + display_width(word) > static_cast<std::size_t>(width);
    if (full) {
      out += pad + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? out : out + pad + line + '\n';
}

}  // namespace supernode
