// Prints the tables of docs/fidelity.md; tools/fidelity puts them into the document.
//   supernode_fidelity                                    the scenarios of the library that have a published
//   measurement supernode_fidelity published FOLDER                   the shipped tables (calibration/published)
//   supernode_fidelity reference FOLDER DOCUMENT [LEFT_OUT.csv]   full tables; what DOCUMENT says of its worst runs
//   stays
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/fidelity_table/tables.hpp"

namespace {

std::string tables(const std::vector<std::string>& arguments) {
  using namespace supernode;
  if (arguments.empty()) return library_table();
  if (arguments.size() == 2 && arguments[0] == "published") return published_tables(arguments[1]);
  if (arguments.size() < 3 || arguments.size() > 4 || arguments[0] != "reference")
    throw std::runtime_error("usage: supernode_fidelity [published FOLDER | reference FOLDER DOCUMENT [LEFT_OUT.csv]]");
  const auto mechanisms = written_mechanisms(read_or_throw(arguments[2]));
  std::string text = reference_tables(read_reference(arguments[1]), mechanisms);
  return arguments.size() == 4 ? text + left_out_tables(arguments[3]) : text;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::fputs(tables({argv + 1, argv + argc}).c_str(), stdout);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "supernode_fidelity: %s\n", e.what());
    return 1;
  }
  return 0;
}
