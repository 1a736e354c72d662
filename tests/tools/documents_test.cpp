// Documents that show what the programs print show what they print now.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using testing::run_program;

std::string document(const std::string& path) {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// docs/fidelity.md between two of its marks; `tools/fidelity` writes it.
std::string fidelity_part(const std::string& name) {
  const std::string text = document("docs/fidelity.md"), begin = "<!-- " + name + " begins -->\n";
  const auto from = text.find(begin) + begin.size(), to = text.find("<!-- " + name + " ends -->");
  return to == std::string::npos ? "" : text.substr(from, to - from);
}

TEST(Documents, FidelityTableIsWhatTheSimulatorSays) {
  const auto run = run_program("", "", SUPERNODE_FIDELITY_BINARY);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(fidelity_part("table"), run.out);
}

TEST(Documents, FidelityOfTheShippedRunsIsWhatTheSimulatorSays) {
  const auto run =
      run_program("published '" SUPERNODE_SOURCE_DIR "/calibration/published'", "", SUPERNODE_FIDELITY_BINARY);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(fidelity_part("published"), run.out);
}

// The scenarios that each table of docs/systems.md names.
std::vector<std::string> systems_tables() {
  const std::string text = document("docs/systems.md"), mark = "<!-- table: ";
  std::vector<std::string> tables;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto names = at + mark.size();
    tables.push_back(text.substr(names, text.find(" -->\n", names) - names));
  }
  return tables;
}

class Systems : public ::testing::TestWithParam<std::string> {};

// The eleven systems' scenarios, held to what `tools/systems` recorded.
TEST_P(Systems, TableIsWhatTheSimulatorSays) {
  const auto run = run_program(GetParam(), "", SUPERNODE_SYSTEMS_BINARY);
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string text = document("docs/systems.md"), mark = "<!-- table: " + GetParam() + " -->\n";
  const auto body = text.find(mark) + mark.size();
  EXPECT_EQ(text.substr(body, text.find("<!-- end -->", body) - body), run.out);
}

INSTANTIATE_TEST_SUITE_P(Documents, Systems, ::testing::ValuesIn(systems_tables()),
                         [](const auto& tested) { return tested.param.substr(0, tested.param.find(' ')); });

TEST(Documents, SystemsAreEleven) { EXPECT_GE(systems_tables().size(), 17u); }

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
