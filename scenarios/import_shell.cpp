#include "scenarios/import_shell.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace supernode {

namespace {

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_name(char c) { return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)); }

// Sums of products of factors.
class Arithmetic {
 public:
  Arithmetic(std::string_view text, const std::map<std::string, std::string>& variables)
      : text_(text), variables_(variables) {}

  long sum() {
    long value = product();
    while (const char op = take("+-")) value = op == '+' ? value + product() : value - product();
    return value;
  }

 private:
  long product() {
    long value = factor();
    while (const char op = take("*/%")) {
      const long right = factor();
      if (op == '*')
        value *= right;
      else
        value = right == 0 ? 0 : op == '/' ? value / right : value % right;
    }
    return value;
  }

  long factor() {
    if (take("-")) return -factor();
    if (take("(")) {
      const long value = sum();
      take(")");
      return value;
    }
    skip_blanks();
    while (at_ < text_.size() && (text_[at_] == '$' || text_[at_] == '{' || text_[at_] == '}')) ++at_;
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    std::string word(text_.substr(start, at_ - start));
    while (at_ < text_.size() && text_[at_] == '}') ++at_;
    const auto named = variables_.find(word);
    return number(named == variables_.end() ? word : named->second);
  }

  static long number(const std::string& word) {
    long value = 0;
    std::from_chars(word.data(), word.data() + word.size(), value);
    return value;
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  // The next character if it is one of `set`; 0 otherwise.
  char take(std::string_view set) {
    skip_blanks();
    return at_ < text_.size() && set.find(text_[at_]) != std::string_view::npos ? text_[at_++] : '\0';
  }

  std::string_view text_;
  const std::map<std::string, std::string>& variables_;
  std::size_t at_ = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  ShellScript run() {
    while (at_ < text_.size()) step();
    end_command();
    return std::move(script_);
  }

 private:
  bool ahead(std::string_view part) const { return text_.substr(at_).starts_with(part); }

  void step() {
    const char c = text_[at_];
    if (ahead("\\\n") || ahead("\\\r\n")) {
      at_ += ahead("\\\n") ? 2 : 3;
      end_word();
    } else if (c == '#' && !in_word_) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '\n' || c == ';' || c == '|' || c == '&') {
      ++at_;
      if (depth_ > 0) return end_word();  // inside an array a line end is a blank
      end_command();
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      ++at_;
      end_word();
    } else if (c == '(' && in_word_ && word_.ends_with('=')) {
      ++at_;
      open_array();
    } else if (c == ')' && depth_ > 0) {
      ++at_;
      close_array();
    } else {
      in_word_ = true;
      text_part();
    }
  }

  void text_part() {
    const char c = text_[at_];
    if (c == '\'') {
      const std::size_t end = std::min(text_.find('\'', at_ + 1), text_.size());
      word_ += text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
    } else if (c == '"') {
      ++at_;
      quoted();
    } else if (c == '$') {
      split_in(expansion());
    } else {
      if (c == '\\' && at_ + 1 < text_.size()) ++at_;
      word_ += text_[at_++];
    }
  }

  // Inside double quotes: expansions, no splitting.
  void quoted() {
    while (at_ < text_.size() && text_[at_] != '"') {
      if (ahead("\\\n")) {
        at_ += 2;
        word_ += ' ';
      } else if (text_[at_] == '$') {
        word_ += expansion();
      } else {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        word_ += text_[at_++];
      }
    }
    ++at_;
    at_ = std::min(at_, text_.size());
  }

  // An unquoted expansion falls into words at its blanks; not so in an assignment.
  void split_in(const std::string& value) {
    const bool assigning = depth_ == 0 && words_.empty() && word_.find('=') != std::string::npos;
    for (char c : value) {
      if (!assigning && std::isspace(static_cast<unsigned char>(c))) {
        end_word();
      } else {
        in_word_ = true;
        word_ += c;
      }
    }
  }

  std::string expansion() {
    ++at_;  // the $
    if (ahead("((")) return arithmetic();
    if (ahead("(")) return skip_command();
    if (ahead("{")) return braced();
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return value_of(std::string(text_.substr(start, at_ - start)), nullptr);
  }

  std::string arithmetic() {
    const std::size_t end = std::min(text_.find("))", at_), text_.size());
    const long value = shell_arithmetic(text_.substr(at_ + 2, end - at_ - 2), script_.variables);
    at_ = std::min(end + 2, text_.size());
    return std::to_string(value);
  }

  // $(command): its output is unknown.
  std::string skip_command() {
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      depth += text_[at_] == '(' ? 1 : text_[at_] == ')' ? -1 : 0;
      if (depth == 0) break;
    }
    ++at_;
    at_ = std::min(at_, text_.size());
    return "";
  }

  // ${NAME}, ${NAME[@]}, ${NAME:-default}, ${NAME-default}.
  std::string braced() {
    const std::size_t end = std::min(text_.find('}', at_), text_.size());
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = std::min(end + 1, text_.size());
    std::size_t length = 0;
    while (length < inside.size() && is_name(inside[length])) ++length;
    std::string_view rest = inside.substr(length);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    if (!rest.starts_with('-') && !rest.starts_with('='))
      return value_of(std::string(inside.substr(0, length)), nullptr);
    const std::string otherwise(rest.substr(1));
    return value_of(std::string(inside.substr(0, length)), &otherwise);
  }

  std::string value_of(const std::string& name, const std::string* otherwise) {
    const auto found = script_.variables.find(name);
    if (found != script_.variables.end()) return found->second;
    if (otherwise) return *otherwise;
    if (!name.empty() && is_name_start(name.front())) script_.unset.push_back(name);
    return "";
  }

  void open_array() {
    array_ = word_;
    word_.clear();
    in_word_ = false;
    ++depth_;
    array_words_.clear();
  }

  void close_array() {
    end_word();
    --depth_;
    std::string value;
    for (const std::string& each : array_words_) value += (value.empty() ? "" : " ") + each;
    assign(array_ + value);
  }

  void end_word() {
    if (!in_word_) return;
    in_word_ = false;
    std::string word = std::move(word_);
    word_.clear();
    if (depth_ > 0) {
      array_words_.push_back(std::move(word));
    } else if (words_.empty() && (word == "export" || word == "local" || word == "declare" || word == "readonly")) {
      return;  // what follows is an assignment
    } else if (!words_.empty() || !assign(word)) {
      words_.push_back(std::move(word));
    }
  }

  void end_command() {
    end_word();
    if (!words_.empty()) script_.commands.push_back(std::move(words_));
    words_.clear();
  }

  // "NAME=VALUE" or "NAME+=VALUE".
  bool assign(const std::string& word) {
    std::size_t length = 0;
    while (length < word.size() && is_name(word[length])) ++length;
    if (length == 0 || !is_name_start(word.front())) return false;
    const std::string name = word.substr(0, length);
    const std::string_view rest = std::string_view(word).substr(length);
    if (rest.starts_with("+=")) {
      script_.variables[name] += " " + std::string(rest.substr(2));
      return true;
    }
    if (!rest.starts_with("=")) return false;
    script_.variables[name] = rest.substr(1);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  ShellScript script_;
  std::vector<std::string> words_, array_words_;
  std::string word_, array_;
  bool in_word_ = false;
  int depth_ = 0;
};

}  // namespace

ShellScript read_shell(std::string_view text) { return Lexer(text).run(); }

long shell_arithmetic(std::string_view expression, const std::map<std::string, std::string>& variables) {
  return Arithmetic(expression, variables).sum();
}

}  // namespace supernode
