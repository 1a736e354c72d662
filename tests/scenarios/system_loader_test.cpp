// A system as named on the command line: where it may come from, and what is said when it cannot be had.
#include "scenarios/system_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/fabric_check.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using testing::kSmallScenario;
using testing::TempFolder;

struct Asked {
  std::optional<LoadedSystem> system;
  std::string messages;
};

Asked ask(const std::string& argument, const std::vector<Override>& overrides = {}) {
  Diagnostics diagnostics;
  auto system = load_system_argument(argument, overrides, diagnostics);
  return {std::move(system), diagnostics.render()};
}

TEST(SystemLoader, ACatalogueName) {
  const Asked asked = ask("hgx-h100");
  ASSERT_TRUE(asked.system) << asked.messages;
  EXPECT_EQ(asked.system->spec.name, "hgx-h100");
  EXPECT_EQ(asked.system->chips, 8) << "one supernode";
  EXPECT_FALSE(asked.system->scenario);
  EXPECT_FALSE(asked.system->inputs.empty());
}

TEST(SystemLoader, AFileOfASystem) {
  const TempFolder folder;
  const std::string path = folder.write("own.yaml", "base: hgx-h100\nname: own\nchips: 24\n");
  const Asked asked = ask(path);
  ASSERT_TRUE(asked.system) << asked.messages;
  EXPECT_EQ(asked.system->spec.name, "own");
  EXPECT_EQ(asked.system->chips, 24);
  EXPECT_EQ(asked.system->inputs.front().name, path);
}

TEST(SystemLoader, AScenarioAndOneOfTheLibrary) {
  const TempFolder folder;
  const Asked file = ask(folder.write("small.yaml", kSmallScenario));
  ASSERT_TRUE(file.system) << file.messages;
  ASSERT_TRUE(file.system->scenario);
  EXPECT_EQ(file.system->scenario->spec.name, "small");
  EXPECT_EQ(file.system->chips, 16);
  const Asked library = ask("llama3_70b_64_910c");
  ASSERT_TRUE(library.system) << library.messages;
  EXPECT_TRUE(library.system->scenario);
  EXPECT_EQ(library.system->chips, 64);
}

TEST(SystemLoader, TheSectionMayBeLeftOutOfAPath) {
  const Asked with = ask("hgx-h100", {{"system.fabric.scale_up.hop_latency", "3 us"}});
  const Asked without = ask("hgx-h100", {{"fabric.scale_up.hop_latency", "3 us"}});
  ASSERT_TRUE(with.system && without.system) << with.messages << without.messages;
  EXPECT_EQ(emit_yaml(with.system->tree), emit_yaml(without.system->tree));
  EXPECT_NE(emit_yaml(with.system->tree), emit_yaml(ask("hgx-h100").system->tree));
}

TEST(SystemLoader, UnknownNames) {
  EXPECT_THAT(ask("hgx-h10").messages, HasSubstr("unknown system 'hgx-h10'; did you mean 'hgx-h100'?"));
  EXPECT_THAT(ask("llama3_70b_64_910").messages, HasSubstr("did you mean 'llama3_70b_64_910"));
  EXPECT_FALSE(ask("hgx-h10").system);
  EXPECT_THAT(ask("/no/such.yaml").messages, HasSubstr("/no/such.yaml"));
}

TEST(SystemLoader, MistakesHaveTheirPlace) {
  const TempFolder folder;
  const auto said = [&](const std::string& text) {
    const Asked asked = ask(folder.write("bad.yaml", text));
    EXPECT_FALSE(asked.system);
    return asked.messages;
  };
  EXPECT_THAT(said("base: hgx-h100\nchips: [8\n"), HasSubstr("bad.yaml:"));
  EXPECT_THAT(said("base: hgx-h100\nchps: 8\n"), HasSubstr("bad.yaml:2:1: error: unknown key 'chps'"));
  EXPECT_THAT(said("base: hgx-h100\nfaults:\n  nics: [nik3]\n"), HasSubstr("did you mean 'nic3'?"));
  EXPECT_THAT(said("- hgx-h100\n"), HasSubstr("a map of keys"));
}

TEST(SystemLoader, KnowsWhereItsFaultsAre) {
  const TempFolder folder;
  const Asked system = ask(folder.write("own.yaml", "base: hgx-h100\nchips: 16\nfaults: {nics: 1}\n"));
  ASSERT_TRUE(system.system) << system.messages;
  EXPECT_EQ(system.system->faults.line, 3);
  const std::string text = testing::replaced(kSmallScenario, "chips: 16", "chips: 16\n  faults: {nics: 1}");
  const Asked scenario = ask(folder.write("small.yaml", text));
  ASSERT_TRUE(scenario.system) << scenario.messages;
  EXPECT_EQ(scenario.system->faults.line, 5);
  EXPECT_THAT(fault_message(FaultError("cut off"), scenario.system->faults), HasSubstr("small.yaml:5:"));
}

}  // namespace
}  // namespace supernode
