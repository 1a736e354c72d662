#pragma once
// The words of the commands in a shell script, with its variables filled in: enough of a shell to read a training
// launch script, none of it executed. Understood: NAME=VALUE, NAME+=VALUE, arrays, export, quotes, ${NAME},
// ${NAME:-default}, ${NAME[@]}, $((arithmetic)), comments and line continuations. Both branches of a condition count.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

struct ShellScript {
  std::vector<std::vector<std::string>> commands;  // words of each
  std::map<std::string, std::string> variables;    // as they stand at the end
  std::vector<std::string> unset;                  // names that were used and never given a value
};

ShellScript read_shell(std::string_view text);

// "2*(3+1)" over integers; names stand for `variables`. 0 for what is no number.
long shell_arithmetic(std::string_view expression, const std::map<std::string, std::string>& variables);

}  // namespace supernode
