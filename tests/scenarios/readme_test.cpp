// The scenario that README.md shows loads and fits.
#include <gtest/gtest.h>

#include <iterator>

#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

TEST(Readme, ItsScenarioLoadsAndFits) {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/README.md");
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const auto begin = text.find("```yaml\n");
  ASSERT_NE(begin, std::string::npos);
  const auto end = text.find("```", begin + 8);
  const auto loaded = testing::load_text(text.substr(begin + 8, end - begin - 8));
  EXPECT_EQ(loaded.messages(), "");
  ASSERT_TRUE(loaded.scenario);
  EXPECT_EQ(loaded.scenario->spec.name, "my_run");
  EXPECT_TRUE(estimate_memory(loaded.scenario->spec.input).fits);
}

}  // namespace
}  // namespace supernode
