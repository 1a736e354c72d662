#include "scenarios/import_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace supernode {

namespace {

bool is_number_character(char c) { return std::isdigit(static_cast<unsigned char>(c)) || c == '.'; }

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::string_view skip_blanks(std::string_view text) {
  const std::size_t start = text.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return text.starts_with(part); });
}

std::optional<double> number_after(std::string_view text, std::string_view phrase) {
  const std::size_t at = text.find(phrase);
  if (at == std::string_view::npos) return std::nullopt;
  return parse_number(skip_blanks(text.substr(at + phrase.size())));
}

std::optional<double> number_before(std::string_view text, std::string_view phrase) {
  const std::size_t at = text.find(phrase);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t end = at;
  while (end > 0 && text[end - 1] == ' ') --end;
  std::size_t start = end;
  while (start > 0 && is_number_character(text[start - 1])) --start;
  return parse_number(text.substr(start, end - start));
}

std::optional<double> largest_after(std::string_view text, std::string_view phrase) {
  std::optional<double> largest;
  for (std::size_t at = text.find(phrase); at != std::string_view::npos; at = text.find(phrase, at + 1)) {
    const auto value = number_after(text.substr(at), phrase);
    if (value) largest = std::max(largest.value_or(*value), *value);
  }
  return largest;
}

std::optional<std::string> value_of(std::string_view text, std::string_view key) {
  const std::string sought = std::string(key) + "=";
  for (std::size_t at = text.find(sought); at != std::string_view::npos; at = text.find(sought, at + 1)) {
    if (at > 0 && text[at - 1] != ' ') continue;
    const std::size_t start = at + sought.size();
    return std::string(text.substr(start, text.find(' ', start) - start));
  }
  return std::nullopt;
}

std::vector<std::int64_t> integer_list(std::string_view text) {
  std::vector<std::int64_t> values;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const auto value = parse_integer(text.substr(0, comma));
    if (!value) return {};
    values.push_back(*value);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return values;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace supernode
