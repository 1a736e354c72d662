// docs/scenario_reference.md is what the code generates: `supernode reference > docs/scenario_reference.md`.
#include "scenarios/reference_doc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace supernode {
namespace {

TEST(ReferenceDoc, TheFileIsWhatTheCodeGenerates) {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/docs/scenario_reference.md");
  ASSERT_TRUE(stream);
  const std::string file(std::istreambuf_iterator<char>(stream), {});
  EXPECT_EQ(scenario_reference_markdown(), file);
}

TEST(ReferenceDoc, NamesFieldsOfEverySection) {
  const std::string text = scenario_reference_markdown();
  for (const char* path :
       {"`system.chips`", "`system.fabric.scale_up.bandwidth`", "`chip.hbm.capacity`", "`protocol.system`",
        "`model.attention.kind`", "`plan.tensor_parallel`", "`options.workers`", "`published.source`"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(path));
  }
}

}  // namespace
}  // namespace supernode
