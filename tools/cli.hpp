#pragma once
// The command line: parses it and calls a command. The only file that knows CLI11 is tools/cli.cpp.

namespace supernode {

// Returns the exit code (tools/exit_code.hpp). Throws nothing.
int run_cli(int argc, char** argv);

}  // namespace supernode
