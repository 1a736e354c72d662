// docs/traces.md: its examples run.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <vector>

#include "tests/tools/program.hpp"

namespace supernode::testing {
namespace {

namespace fs = std::filesystem;

// The lines behind "$ " of the document's console blocks.
std::vector<std::string> examples() {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/docs/traces.md");
  std::vector<std::string> found;
  bool console = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("```")) console = line == "```console";
    if (console && line.starts_with("$ ")) found.push_back(line.substr(2));
  }
  return found;
}

TEST(TracesDocument, ItsExamplesRun) {
  const TempFolder folder;
  const fs::path root = fs::path(folder.path("")).parent_path();
  fs::create_directory_symlink(fs::path(SUPERNODE_SOURCE_DIR) / "calibration", root / "calibration");
  ASSERT_GE(examples().size(), 4u);
  for (std::string example : examples()) {
    const std::string name = "supernode ";
    example.replace(example.find(name), name.size(), "'" SUPERNODE_BINARY "' ");
    const std::string output = (root / "out").string();
    const std::string command = "cd '" + root.string() + "' && { " + example + "; } > '" + output + "' 2>&1";
    const int status = std::system(command.c_str());
    std::ifstream stream(output);
    EXPECT_EQ(status, 0) << example << "\n" << std::string(std::istreambuf_iterator<char>(stream), {});
  }
}

}  // namespace
}  // namespace supernode::testing
