#include "tools/schedule_drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace supernode {

namespace {

struct Cell {
  std::string label;
  double start = 0, end = 0;
};

std::string label(const Slot& slot, std::int64_t chunks) {
  constexpr std::string_view kLetters = "FBBW";
  std::string text(1, kLetters[static_cast<std::size_t>(slot.kind)]);
  text += std::to_string(slot.microbatch);
  if (chunks > 1 && chunks <= 26) text += static_cast<char>('a' + slot.chunk);
  if (chunks > 26) text += fmt::format(".{}", slot.chunk);
  return text;
}

std::vector<Cell> cells_of(const StageTimeline& stage, std::int64_t chunks) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < stage.slots.size(); ++i) {
    const TimelineSlot& pass = stage.slots[i];
    cells.push_back({label(pass.slot, chunks), pass.start, pass.end});
    if (pass.slot.with_next) cells.back().label += '+' + label(stage.slots[++i].slot, chunks);
  }
  return cells;
}

class Drawing {
 public:
  Drawing(const ScheduleTimeline& timeline, std::int64_t chunks, const DrawingOptions& options) : options_(options) {
    for (const StageTimeline& stage : timeline.stages) stages_.push_back(cells_of(stage, chunks));
    head_ = fmt::format("{} ", stages_.size() - 1).size();
    scale_ = scale();
    columns_ = column(timeline.length);
  }

  std::string text() const;

 private:
  double scale() const;
  std::int64_t column(double time) const { return std::llround(time * scale_); }
  std::string row(const std::vector<Cell>& cells) const;
  std::string ruler(std::int64_t first, std::int64_t width) const;
  // Columns of a window: whole units of time where there is room.
  std::int64_t window() const;

  const DrawingOptions& options_;
  std::vector<std::vector<Cell>> stages_;
  std::size_t head_ = 0;
  double scale_ = 1;  // columns a unit of time
  std::int64_t columns_ = 0;
};

// So many whole columns that each cell has room for its label and a blank.
double Drawing::scale() const {
  double least = 1;
  for (const auto& cells : stages_) {
    for (const Cell& cell : cells) {
      if (cell.end > cell.start) {
        least = std::max(least, static_cast<double>(cell.label.size() + 1) / (cell.end - cell.start));
      }
    }
  }
  return std::ceil(least - 1e-9);
}

std::string Drawing::row(const std::vector<Cell>& cells) const {
  std::string line(static_cast<std::size_t>(columns_), ' ');
  for (const Cell& cell : cells) {
    const auto first = static_cast<std::size_t>(column(cell.start)), end = static_cast<std::size_t>(column(cell.end));
    if (end <= first) continue;
    std::string drawn = cell.label;
    drawn.resize(std::max(end - first - 1, std::size_t{1}), '-');
    line.replace(first, drawn.size(), drawn);
  }
  return line;
}

std::string Drawing::ruler(std::int64_t first, std::int64_t width) const {
  const std::string from = fmt::format("{:.4g}", static_cast<double>(first) / scale_);
  const std::string to = fmt::format("{:.4g}", static_cast<double>(first + width) / scale_);
  const std::int64_t gap = width - std::ssize(from) - std::ssize(to);
  return from + std::string(static_cast<std::size_t>(std::max<std::int64_t>(gap, 1)), ' ') + to;
}

std::int64_t Drawing::window() const {
  const std::int64_t room = std::max<std::int64_t>(options_.width - static_cast<std::int64_t>(head_), 8);
  const auto unit = static_cast<std::int64_t>(scale_);
  return unit < room ? room / unit * unit : room;
}

std::string Drawing::text() const {
  std::vector<std::string> rows;
  for (const auto& cells : stages_) rows.push_back(row(cells));
  std::string all;
  const std::int64_t step = window(), windows = (columns_ + step - 1) / step;
  const std::int64_t drawn = options_.windows > 0 ? std::min(options_.windows, windows) : windows;
  for (std::int64_t w = 0; w < drawn; ++w) {
    const std::int64_t first = w * step, width = std::min(step, columns_ - first);
    all += fmt::format("{}{}{}\n", w > 0 ? "\n" : "", std::string(head_, ' '), ruler(first, width));
    for (std::size_t stage = 0; stage < rows.size(); ++stage) {
      std::string line = fmt::format("{:<{}}", stage, head_) +
                         rows[stage].substr(static_cast<std::size_t>(first), static_cast<std::size_t>(width));
      line.resize(line.find_last_not_of(' ') + 1);
      all += line + '\n';
    }
  }
  if (drawn < windows) {
    all += fmt::format("\n(until {:.4g} of {:.4g}; --all draws the rest)\n", static_cast<double>(drawn * step) / scale_,
                       static_cast<double>(columns_) / scale_);
  }
  return all;
}

}  // namespace

std::string draw_schedule(const ScheduleTimeline& timeline, std::int64_t chunks, const DrawingOptions& options) {
  return Drawing(timeline, chunks, options).text();
}

}  // namespace supernode
