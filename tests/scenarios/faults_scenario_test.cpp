// Faults in a scenario and on the command line: where they are said to be wrong, and that the answer states them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/outcome.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::kSmallScenario;
using testing::load_text;
using testing::Loaded;
using testing::replaced;

std::string with_faults(const std::string& faults) {
  return replaced(kSmallScenario, "chips: 16", "chips: 16\n  faults: " + faults);
}

FaultSpec faults_of(const Loaded& loaded) {
  EXPECT_TRUE(loaded.scenario) << loaded.messages();
  return loaded.scenario ? loaded.scenario->spec.input.system.faults : FaultSpec{};
}

TEST(FaultScenario, SetOnTheCommandLine) {
  EXPECT_EQ(faults_of(load_text(kSmallScenario, {{"system.faults.links", "3"}})).random.links, 3);
  EXPECT_EQ(faults_of(load_text(kSmallScenario, {{"system.faults.switches", "2"}})).random.switches, 2);
  const FaultSpec named = faults_of(load_text(
      kSmallScenario, {{"system.faults.links", "[device0--supernode0.nvswitch.1]"}, {"system.faults.nics", "[nic3]"}}));
  ASSERT_EQ(named.links.size(), 1u);
  EXPECT_EQ(named.links[0].share, 0);
  EXPECT_EQ(named.nics, std::vector<std::string>{"nic3"});
  const FaultSpec planes = faults_of(load_text(kSmallScenario, {{"system.faults.planes.scale_up", "2"}}));
  EXPECT_EQ(planes.planes.at(Plane::kScaleUp), (std::vector<std::int64_t>{0, 1}));
  const FaultSpec drawn =
      faults_of(load_text(kSmallScenario, {{"system.faults.random.optics", "4"}, {"system.faults.random.seed", "7"}}));
  EXPECT_EQ(drawn.random.optics, 4);
  EXPECT_EQ(drawn.random.seed, 7);
}

TEST(FaultScenario, SlowLinksAsMaps) {
  const FaultSpec faults = faults_of(load_text(with_faults("{links: [{link: nic0--rail0_0.leaf, share: 0.5}]}")));
  ASSERT_EQ(faults.links.size(), 1u);
  EXPECT_EQ(faults.links[0].share, 0.5);
}

TEST(FaultScenario, ErrorsHaveTheirPlace) {
  const auto said = [](const std::string& faults) { return load_text(with_faults(faults)).messages(); };
  EXPECT_THAT(said("{nics: [nik3]}"), HasSubstr(":5:11:"));
  EXPECT_THAT(said("{nics: [nik3]}"), HasSubstr("did you mean 'nic3'?"));
  EXPECT_THAT(said("{nic: [nic3]}"), HasSubstr("did you mean 'nics'?"));
  EXPECT_THAT(said("{nics: 17}"), HasSubstr("17 NICs are to fail, but there are 16"));
  EXPECT_THAT(said("{chips: [3]}"), HasSubstr("set spare_nodes: 1"));
  EXPECT_THAT(said("{nics: [nic0, nic1, nic2, nic3, nic4, nic5, nic6, nic7]}"), HasSubstr("are not connected"));
  EXPECT_FALSE(load_text(with_faults("{chips: [3]}")).scenario);
}

TEST(FaultScenario, TheAnswerStatesThem) {
  const Loaded loaded =
      load_text(with_faults("{chips: [3], random: {optics: 2, seed: 7}, slow_chips: [{chip: 9, speed: 0.8}]}\n"
                            "  spare_nodes: 1"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const Outcome outcome = run_scenario(*loaded.scenario, {});
  EXPECT_THAT(outcome.assumptions, Contains(HasSubstr("optical modules failed (seed 7): ")));
  EXPECT_THAT(outcome.assumptions, Contains(HasSubstr("1 of 24 chips dead (3)")));
  EXPECT_THAT(outcome.assumptions, Contains(HasSubstr("chip 9 computes at 80 % of its speed")));
}

}  // namespace
}  // namespace supernode
