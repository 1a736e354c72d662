#include "scenarios/expert_histogram.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace supernode {

namespace {

// The last field of a line; nothing when it is no number from 0 up.
std::optional<double> last_number(const std::string& line) {
  const auto comma = line.rfind(',');
  const auto from = line.find_first_not_of(" \t", comma == std::string::npos ? 0 : comma + 1);
  if (from == std::string::npos) return std::nullopt;
  const auto last = line.find_last_not_of(" \t\r");
  double value = 0;
  const auto [end, error] = std::from_chars(line.data() + from, line.data() + last + 1, value);
  const bool whole = error == std::errc() && end == line.data() + last + 1;
  return whole && std::isfinite(value) && value >= 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::shared_ptr<const ExpertHistogram> read_expert_histogram(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream stream(path);
  auto file = std::make_shared<SourceFile>(SourceFile{path, {std::istreambuf_iterator<char>(stream), {}}});
  if (!stream || file->text.empty()) {
    diagnostics.error({file, 0, 0}, "cannot be read, or is empty");
    return nullptr;
  }
  auto histogram = std::make_shared<ExpertHistogram>();
  std::istringstream lines(file->text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto tokens = last_number(line);
    if (!tokens && number == 1) continue;
    if (!tokens) {
      diagnostics.error({file, number, 1}, "the last column is no count of tokens");
      return nullptr;
    }
    histogram->tokens.push_back(*tokens);
  }
  if (histogram->tokens.empty()) {
    diagnostics.error({file, 0, 0}, "holds no expert");
    return nullptr;
  }
  return histogram;
}

}  // namespace supernode
