// Documents that show what the programs print show what they print now.
#include <gtest/gtest.h>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using testing::run_program;

std::string document(const std::string& path) {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// docs/fidelity.md between its two marks; `tools/fidelity` writes it.
TEST(Documents, FidelityTableIsWhatTheSimulatorSays) {
  const auto run = run_program("", "", SUPERNODE_FIDELITY_BINARY);
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string text = document("docs/fidelity.md"), begin = "<!-- table begins -->\n";
  const auto from = text.find(begin) + begin.size(), to = text.find("<!-- table ends -->");
  ASSERT_NE(to, std::string::npos);
  EXPECT_EQ(text.substr(from, to - from), run.out);
}

// Each table of docs/systems.md, which `tools/systems` writes: the eleven systems' scenarios, held to what was recorded.
TEST(Documents, SystemsTablesAreWhatTheSimulatorSays) {
  const std::string text = document("docs/systems.md"), mark = "<!-- table: ", end = "<!-- end -->";
  int tables = 0;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1), ++tables) {
    const auto names = at + mark.size(), close = text.find(" -->\n", names), body = close + 5;
    const auto run = run_program(text.substr(names, close - names), "", SUPERNODE_SYSTEMS_BINARY);
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(text.substr(body, text.find(end, body) - body), run.out);
  }
  EXPECT_GE(tables, 15);
}

// The comparison in README.md, which is tools/quickstart's.
TEST(Documents, ReadmeShowsTheComparison) {
  const auto run = run_program("compare deepseek_v3_cloudmatrix384 deepseek_v3_gb200_nvl72 deepseek_v3_h100");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(document("README.md").find("```\n" + run.out + "```\n"), std::string::npos)
      << "paste this into README.md:\n"
      << run.out;
}

}  // namespace
}  // namespace supernode
