// From files and overrides to a scenario: inheritance, references, overrides, the resolved text.
#include "scenarios/scenario_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/catalogue.hpp"
#include "scenarios/protocol_choice.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using testing::kSmallScenario;
using testing::load_file;
using testing::load_text;
using testing::replaced;
using testing::TempFolder;

class Library : public ::testing::TestWithParam<std::string> {};

TEST_P(Library, LoadsByNameWithoutAWord) {
  const auto loaded = load_file(GetParam());
  EXPECT_EQ(loaded.messages(), "");
  ASSERT_TRUE(loaded.scenario);
  EXPECT_EQ(loaded.scenario->spec.name, GetParam());
  EXPECT_FALSE(loaded.scenario->spec.description.empty());
}

TEST_P(Library, ResolvedTextReadsBackToItself) {
  const auto first = load_file(GetParam());
  ASSERT_TRUE(first.scenario);
  const auto second = load_text(first.scenario->resolved);
  EXPECT_EQ(second.messages(), "");
  ASSERT_TRUE(second.scenario);
  EXPECT_EQ(second.scenario->resolved, first.scenario->resolved);
  EXPECT_EQ(second.scenario->inputs.size(), 1u) << "the resolved text must stand alone";
}

INSTANTIATE_TEST_SUITE_P(Every, Library, ::testing::ValuesIn(catalogue_names(CatalogueKind::kScenario)));

TEST(ScenarioLoader, ReadsTheSmallScenario) {
  const auto loaded = load_text(kSmallScenario);
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const SimulationInput& input = loaded.scenario->spec.input;
  EXPECT_EQ(input.chips, 16);
  EXPECT_EQ(input.system.name, "hgx-h100");
  EXPECT_EQ(input.chip.name, "h100");
  EXPECT_EQ(input.protocol.system, "hgx-h100");
  EXPECT_EQ(input.model.layers, 32);
  EXPECT_EQ(input.plan.microbatches(), 8);
}

TEST(ScenarioLoader, ChipsDefaultToOneSupernode) {
  const auto loaded = load_text(
      "system: hgx-h100\nmodel: llama-3.1-8b\nplan: {tensor_parallel: 8, global_batch: 8, sequence_length: 4096}\n");
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  EXPECT_EQ(loaded.scenario->spec.input.chips, 8);
  EXPECT_EQ(loaded.scenario->spec.name, "scenario") << "the file's name without its suffix";
}

TEST(ScenarioLoader, OverrideReachesIntoANamedSystem) {
  const auto before =
      load_text(replaced(kSmallScenario, "\n  base: hgx-h100\n  chips: 16", " hgx-h100"), {{"system.chips", "16"}});
  const auto after = load_text(kSmallScenario, {{"system.fabric.scale_up.bandwidth", "196 GB/s"}});
  ASSERT_TRUE(before.scenario) << before.messages();
  ASSERT_TRUE(after.scenario) << after.messages();
  EXPECT_DOUBLE_EQ(before.scenario->spec.input.system.scale_up.bandwidth.value.value(), 450e9);
  EXPECT_DOUBLE_EQ(after.scenario->spec.input.system.scale_up.bandwidth.value.value(), 196e9);
  EXPECT_EQ(after.scenario->spec.input.system.scale_up.bandwidth.confidence, Confidence::kUser);
  EXPECT_EQ(before.scenario->spec.input.system.scale_up.sub_planes.value,
            after.scenario->spec.input.system.scale_up.sub_planes.value);
}

TEST(ScenarioLoader, OverridesReachModelChipAndPlan) {
  const auto loaded = load_text(kSmallScenario, {{"model.layers", "16"},
                                                 {"chip.hbm.capacity", "40 GiB"},
                                                 {"plan.overlap.grad_reduce", "false"},
                                                 {"plan.global_batch", "8"}});
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const SimulationInput& input = loaded.scenario->spec.input;
  EXPECT_EQ(input.model.layers, 16);
  EXPECT_EQ(input.model.hidden, 4096) << "the rest of the model stays";
  EXPECT_DOUBLE_EQ(input.chip.hbm_capacity.value.value(), 40.0 * (1 << 30));
  EXPECT_FALSE(input.plan.overlap.grad_reduce);
  EXPECT_EQ(input.plan.global_batch, 8);
}

TEST(ScenarioLoader, ChildLaysItsKeysOverItsBase) {
  const TempFolder folder;
  folder.write("parent.yaml", replaced(kSmallScenario, "model: llama-3.1-8b", "model: llama-3.1-8b\ndescription: old"));
  const auto loaded = load_file(folder.write("child.yaml",
                                             "name: child\nbase: parent.yaml\nsystem: {chips: 32}\n"
                                             "plan: {data_parallel: 4}\n"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  EXPECT_EQ(loaded.scenario->spec.name, "child");
  EXPECT_EQ(loaded.scenario->spec.description, "old");
  EXPECT_EQ(loaded.scenario->spec.input.chips, 32);
  EXPECT_EQ(loaded.scenario->spec.input.system.name, "hgx-h100");
  EXPECT_EQ(loaded.scenario->spec.input.plan.tensor_parallel, 4);
  EXPECT_EQ(loaded.scenario->spec.input.plan.data_parallel, 4);
}

TEST(ScenarioLoader, ANameInTheChildReplacesTheWholeSystem) {
  const TempFolder folder;
  folder.write("parent.yaml", replaced(kSmallScenario, "chips: 16", "chips: 16\n  cpus_per_node: 4"));
  const auto loaded =
      load_file(folder.write("child.yaml", "base: ./parent.yaml\nsystem: hgx-h800\nplan: {data_parallel: 1}\n"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  EXPECT_EQ(loaded.scenario->spec.input.system.name, "hgx-h800");
  EXPECT_EQ(loaded.scenario->spec.input.system.cpus_per_node, 2);
  EXPECT_EQ(loaded.scenario->spec.input.chips, 8);
}

TEST(ScenarioLoader, PathsAreRelativeToTheFileThatNamesThem) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path("parts/models"));
  folder.write("parts/models/tiny.yaml", "base: llama-3.1-8b\nname: tiny\nlayers: 4\n");
  folder.write("parts/parent.yaml", replaced(kSmallScenario, "model: llama-3.1-8b", "model: models/tiny.yaml"));
  const auto loaded = load_file(folder.write("child.yaml", "base: parts/parent.yaml\n"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  EXPECT_EQ(loaded.scenario->spec.input.model.name, "tiny");
  EXPECT_EQ(loaded.scenario->spec.input.model.layers, 4);
}

TEST(ScenarioLoader, NamesAndHashesEveryInput) {
  const auto loaded = load_text(kSmallScenario);
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  ASSERT_EQ(loaded.scenario->inputs.size(), 6u) << "scenario, system, model, chip, protocol, software";
  EXPECT_THAT(loaded.scenario->inputs[0].name, ::testing::EndsWith("scenario.yaml"));
  for (const InputFile& file : loaded.scenario->inputs) EXPECT_EQ(file.sha256.size(), 64u) << file.name;
}

TEST(ScenarioLoader, ANotePublishedChangesNoInput) {
  const auto plain = load_text(kSmallScenario);
  const auto noted = load_text(kSmallScenario + "published: {step_time: 3 s, mfu: 0.5, source: a paper}\n");
  ASSERT_TRUE(plain.scenario && noted.scenario) << noted.messages();
  EXPECT_DOUBLE_EQ(noted.scenario->spec.published.step_time.value(), 3.0);
  EXPECT_THAT(noted.scenario->resolved, ::testing::StartsWith(plain.scenario->resolved));
}

TEST(ProtocolChoice, OwnSystemThenItsKind) {
  YamlNode system =
      parse_yaml(std::make_shared<const SourceFile>(SourceFile{"t", "name: hgx-h100\nkind: hgx\nchip: h100\n"}),
                 *std::make_unique<Diagnostics>());
  EXPECT_EQ(choose_protocol(system).assumption, "");
  system.find("name")->scalar = "my-own";
  const ProtocolChoice borrowed = choose_protocol(system);
  EXPECT_NE(find_in_catalogue(CatalogueKind::kProtocol, borrowed.name), nullptr);
  EXPECT_THAT(borrowed.assumption, HasSubstr("my-own"));
  EXPECT_THAT(borrowed.assumption, HasSubstr("hgx-"));
}

TEST(ProtocolChoice, TheVendorsLibraryOnTheKindOfFabric) {
  const auto choice = [](const std::string& text) {
    Diagnostics diagnostics;
    return choose_protocol(parse_yaml(std::make_shared<const SourceFile>(SourceFile{"t", text}), diagnostics)).name;
  };
  EXPECT_EQ(choice("name: mine\nkind: mesh\nchip: ascend-910b-313t\n"), "hccl-atlas-800t-a2");
  EXPECT_EQ(choice("name: mine\nkind: hgx\nchip: h100\n"), "nccl-hgx-h100");
  EXPECT_EQ(choice("name: mine\nkind: hgx\nchip: ascend-910c\n"), "hccl-atlas-800t-a3");
  EXPECT_EQ(choice("name: mine\nkind: nvl\nchip: h100\n"), "nccl-gb200-nvl72");
  EXPECT_EQ(choice("name: mine\nkind: mesh\nchip: h100\n").substr(0, 4), "nccl");
}

TEST(ProtocolChoice, ABorrowedFitIsStatedAsAnAssumption) {
  const auto loaded = load_text(replaced(kSmallScenario, "chips: 16", "chips: 16\n  name: my-own"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  ASSERT_EQ(loaded.scenario->assumptions.size(), 1u);
  EXPECT_THAT(loaded.scenario->assumptions[0], HasSubstr("my-own"));
}

}  // namespace
}  // namespace supernode
