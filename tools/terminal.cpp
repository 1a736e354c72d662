#include "tools/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace supernode {

namespace {

std::string painted(bool colour, std::string_view code, std::string_view text) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

bool wants_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::strcmp(term, "dumb") == 0;
  return ::isatty(descriptor) == 1 && (no_colour == nullptr || *no_colour == '\0') && !dumb;
}

}  // namespace

std::string Style::title(std::string_view text) const { return painted(colour, "1", text); }
std::string Style::good(std::string_view text) const { return painted(colour, "32", text); }
std::string Style::bad(std::string_view text) const { return painted(colour, "1;31", text); }
std::string Style::faint(std::string_view text) const { return painted(colour, "2", text); }

Style stdout_style() { return {wants_colour(STDOUT_FILENO)}; }

void print_result(std::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) throw std::runtime_error(fmt::format("cannot write the result: {}", std::strerror(errno)));
}

void print_message(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void print_progress(std::string_view text) {
  if (::isatty(STDERR_FILENO) == 1) print_message(text);
}

}  // namespace supernode
