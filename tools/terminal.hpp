#pragma once
// Standard output and standard error: colour only on a terminal, results apart from messages.

#include <string>
#include <string_view>

namespace supernode {

// How titles and warnings look. Plain off a terminal, when NO_COLOR is set (https://no-color.org) or TERM is dumb.
struct Style {
  bool colour = false;
  std::string title(std::string_view text) const;
  std::string good(std::string_view text) const;
  std::string bad(std::string_view text) const;
  std::string faint(std::string_view text) const;
};

Style stdout_style();

// Writes a result to standard output. Throws std::runtime_error when it cannot be written (a full disk).
void print_result(std::string_view text);
// Writes a message to standard error.
void print_message(std::string_view text);
// A message that only a person who watches needs: dropped when standard error is no terminal.
void print_progress(std::string_view text);

}  // namespace supernode
