#pragma once
// Reading figures out of prose: table cells and notes written by people.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

std::string lower_case(std::string_view text);
bool contains(std::string_view text, std::string_view part);  // both as they are
bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> parts);

// The number right behind the first `phrase`; the one right before it.
std::optional<double> number_after(std::string_view text, std::string_view phrase);
std::optional<double> number_before(std::string_view text, std::string_view phrase);
// The largest number right behind any `phrase`.
std::optional<double> largest_after(std::string_view text, std::string_view phrase);
// "KEY=VALUE" as a whole word: VALUE up to the next blank.
std::optional<std::string> value_of(std::string_view text, std::string_view key);
// "1,2,2,1"; empty when it is no such list.
std::vector<std::int64_t> integer_list(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace supernode
