#include "tools/cli.hpp"

int main(int argc, char** argv) { return supernode::run_cli(argc, argv); }
