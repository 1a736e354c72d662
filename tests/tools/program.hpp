#pragma once
// Runs the built program as a user would and brings back what it printed and its exit code.

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/scenarios/scenario_files.hpp"

namespace supernode::testing {

struct ProgramRun {
  int code = -1;
  std::string out, err;
};

// `arguments` as typed in a shell; `before` goes before the program (a pipe, variables).
inline ProgramRun run_program(const std::string& arguments, const std::string& before = "",
                              const std::string& program = SUPERNODE_BINARY) {
  const TempFolder folder;
  const std::string out = folder.path("out"), err = folder.path("err");
  const std::string command =
      fmt::format("{} '{}' {} > '{}' 2> '{}' < /dev/null", before, program, arguments, out, err);
  const int status =
      std::system(before.find('|') == std::string::npos ? command.c_str()
                                                        : command.substr(0, command.rfind(" < /dev/null")).c_str());
  const auto read = [](const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
}

}  // namespace supernode::testing
