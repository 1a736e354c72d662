#pragma once
// What is wrong with a user's input, and where. Readers never throw on bad input: they collect every
// error of a file here and go on; the command line prints them all and exits with 2.
//
//   plan.yaml:7:12: error: unknown key 'bandwith' in system.fabric.scale_up; did you mean 'bandwidth'?
//       7 |     bandwith: 392 GB/s
//         |     ^

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

// A named text that positions point into. `name` is what the user typed ("-" for stdin, "--set" for an override).
struct SourceFile {
  std::string name;
  std::string text;
};

// 1-based line and column (in bytes); line 0 means "the file as a whole".
struct SourcePosition {
  std::shared_ptr<const SourceFile> file;
  int line = 0;
  int column = 0;
};

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  SourcePosition position;
  std::string message;
};

class Diagnostics {
 public:
  void error(const SourcePosition& position, std::string message);
  void warning(const SourcePosition& position, std::string message);

  bool has_errors() const { return error_count_ > 0; }
  int error_count() const { return error_count_; }
  const std::vector<Diagnostic>& all() const { return all_; }

  // All diagnostics, each with file:line:column, the source line and a caret, in the order of files and lines.
  std::string render() const;

 private:
  std::vector<Diagnostic> all_;
  int error_count_ = 0;
};

// "file:line:column", or "file" when the line is 0.
std::string to_string(const SourcePosition& position);

// The candidate nearest to `word` (Damerau-Levenshtein, case folded), if one is near enough to be a likely slip.
std::optional<std::string> nearest_candidate(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'x'?" when a candidate is near, else "; known: a, b, c" (at most a dozen), else "".
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace supernode
