#include "base/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>
#include <utility>

namespace supernode {
namespace {

std::string fold(std::string_view word) {
  std::string out(word);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// Optimal string alignment distance: insert, delete, substitute, swap neighbours.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string_view source_line(const SourceFile& file, int line) {
  std::string_view text = file.text;
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

// The offending line with a caret under the column; long lines are cut around the column.
std::string excerpt(const SourcePosition& position) {
  constexpr std::size_t kWidth = 160;
  if (!position.file || position.line <= 0) return {};
  std::string_view line = source_line(*position.file, position.line);
  std::size_t column = position.column > 0 ? static_cast<std::size_t>(position.column - 1) : 0;
  column = std::min(column, line.size());
  if (column > kWidth / 2) {
    const std::size_t cut = column - kWidth / 2;
    line.remove_prefix(cut);
    column -= cut;
  }
  line = line.substr(0, kWidth);
  std::string pad(line.substr(0, column));
  for (char& c : pad)
    if (c != '\t') c = ' ';
  return fmt::format("{:>6} | {}\n       | {}^\n", position.line, line, pad);
}

}  // namespace

void Diagnostics::error(const SourcePosition& position, std::string message) {
  all_.push_back({Severity::kError, position, std::move(message)});
  ++error_count_;
}

void Diagnostics::warning(const SourcePosition& position, std::string message) {
  all_.push_back({Severity::kWarning, position, std::move(message)});
}

std::string Diagnostics::render() const {
  std::vector<const Diagnostic*> ordered;
  for (const Diagnostic& d : all_) ordered.push_back(&d);
  // Files in order of first mention, lines ascending; the order of report breaks ties.
  std::vector<const SourceFile*> files;
  for (const Diagnostic* d : ordered)
    if (std::find(files.begin(), files.end(), d->position.file.get()) == files.end())
      files.push_back(d->position.file.get());
  const auto rank = [&](const Diagnostic* d) {
    const auto file = std::find(files.begin(), files.end(), d->position.file.get()) - files.begin();
    return std::tuple(file, d->position.line, d->position.column);
  };
  std::stable_sort(ordered.begin(), ordered.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  std::string out;
  for (const Diagnostic* d : ordered) {
    const std::string place = to_string(d->position);
    out += fmt::format("{}{}{}: {}\n", place, place.empty() ? "" : ": ",
                       d->severity == Severity::kError ? "error" : "warning", d->message);
    out += excerpt(d->position);
  }
  return out;
}

std::string to_string(const SourcePosition& position) {
  if (!position.file) return {};
  if (position.line <= 0) return position.file->name;
  return fmt::format("{}:{}:{}", position.file->name, position.line, position.column);
}

std::optional<std::string> nearest_candidate(std::string_view word, std::span<const std::string> candidates) {
  const std::string folded = fold(word);
  // A slip of up to a third of the letters, at least one; a prefix counts as a slip too (deepseek -> deepseek-v3).
  const std::size_t tolerance = std::max<std::size_t>(1, folded.size() / 3);
  std::optional<std::string> best;
  std::size_t best_distance = tolerance + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(folded, fold(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (best || folded.size() < 3) return best;
  for (const std::string& candidate : candidates)
    if (fold(candidate).starts_with(folded)) return candidate;
  return std::nullopt;
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  if (const auto near = nearest_candidate(word, candidates)) return fmt::format("; did you mean '{}'?", *near);
  if (candidates.empty()) return {};
  constexpr std::size_t kMost = 12;
  std::string list;
  for (std::size_t i = 0; i < std::min(kMost, candidates.size()); ++i) list += (i ? ", " : "") + candidates[i];
  if (candidates.size() > kMost) list += ", …";
  return "; known: " + list;
}

}  // namespace supernode
