// What a user can get wrong: each is an error with its place and, where there is one, the nearest right thing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using testing::kSmallScenario;
using testing::load_file;
using testing::load_text;
using testing::Loaded;
using testing::replaced;
using testing::TempFolder;

struct BadInput {
  std::string name;
  std::string text;
  std::string place;    // ":line:column:" of the message, or ": " for the file as a whole
  std::string message;  // part of it
};

void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }

std::string moe_scenario() {
  std::string text = replaced(kSmallScenario, "llama-3.1-8b", "mixtral-8x7b");
  text = replaced(replaced(text, "chips: 16", "chips: 24"), "global_batch: 16", "global_batch: 24");
  return replaced(text, "data_parallel: 2", "data_parallel: 3\n  expert_parallel: 3");
}

std::vector<BadInput> bad_inputs() {
  const std::string& good = kSmallScenario;
  return {
      {"UnknownKey", replaced(good, "  global_batch", "  micro_bacth: 2\n  global_batch"),
       ":10:3:", "did you mean 'micro_batch'?"},
      {"UnknownSection", good + "modell: x\n", ":12:1:", "did you mean 'model'?"},
      {"UnknownKeyDeepInTheSystem", replaced(good, "chips: 16", "chips: 16\n  fabric: {scale_up: {bandwith: 1 GB/s}}"),
       ":5:23:", "did you mean 'bandwidth'?"},
      {"DuplicateKey", good + "model: gpt3-175b\n", ":12:1:", "duplicate key 'model'"},
      {"MissingUnit", replaced(good, "chips: 16", "chips: 16\n  fabric: {scale_up: {bandwidth: 196}}"),
       ":5:34:", "unit"},
      {"WrongUnit", replaced(good, "chips: 16", "chips: 16\n  fabric: {scale_up: {bandwidth: 196 us}}"),
       ":5:34:", "bandwidth"},
      {"PlanDoesNotMatchChips", replaced(good, "data_parallel: 2", "data_parallel: 4"),
       ":9:18:", "but the system has 16 ranks; data_parallel 2 fits"},
      {"ExpertsNotDivisible", moe_scenario(), ":10:20:", "experts 8 is not divisible by expert_parallel 3"},
      {"LayersNotDivisible",
       replaced(replaced(good, "chips: 16", "chips: 24"), "pipeline_parallel: 2", "pipeline_parallel: 3"),
       ":8:22:", "layers 32 is not divisible by pipeline_parallel 3"},
      {"UnknownModel", replaced(good, "llama-3.1-8b", "lama-3.1-8b"),
       ":5:8:", "unknown model 'lama-3.1-8b'; did you mean 'llama-3.1-8b'?"},
      {"UnknownSystem", replaced(good, "hgx-h100", "hgx-h10"),
       ":3:9:", "unknown system 'hgx-h10'; did you mean 'hgx-h"},
      {"UnknownChip", replaced(good, "chips: 16", "chips: 16\n  chip: h1000"),
       ":5:9:", "unknown chip 'h1000'; did you mean 'h100'?"},
      {"UnknownProtocol", good + "protocol: ncl\n", ":12:11:", "unknown protocol 'ncl'"},
      {"UnknownBase", "base: nowhere\n", ":1:7:", "unknown scenario 'nowhere'"},
      {"BaseFileMissing", "base: nowhere.yaml\n", "nowhere.yaml: ", "cannot be read"},
      {"NoModel", replaced(good, "model: llama-3.1-8b\n", ""), ":1:1:", "model is missing"},
      {"ModelIsNothing", replaced(good, "model: llama-3.1-8b", "model:"), ":5:1:", "model has no value"},
      {"ModelIsAList", replaced(good, "model: llama-3.1-8b", "model: [a, b]"), ":5:8:", "must be a map"},
      {"PlanIsText", replaced(good, good.substr(good.find("plan:")), "plan: big\n"), ":6:7:", "must be a map"},
      {"ZeroChips", replaced(good, "chips: 16", "chips: 0"), ":4:10:", "must be from 1 to 1048576, not 0"},
      {"ChipsNotWhole", replaced(good, "chips: 16", "chips: 1.5"), ":4:10:", "must be a whole number"},
      {"Empty", "", ": ", "is empty"},
      {"OnlyAComment", "# nothing\n", ": ", "is empty"},
      {"OnlyText", "hello\n", ":1:1:", "a scenario is a map of keys"},
      {"Binary",
       std::string("\x7f"
                   "ELF\0\1\2\xff\xfe",
                   9),
       ": ", "not text"},
      {"NotUtf8", "name: \xff\xfe\n", ": ", "not text"},
      {"BadYaml", "name: [a\n", ":", "bad YAML"},
      {"TwoDocuments", good + "---\nname: b\n", ":13:1:", "second document"},
  };
}

class Bad : public ::testing::TestWithParam<BadInput> {};

TEST_P(Bad, IsAnErrorAtItsPlace) {
  const Loaded loaded = load_text(GetParam().text);
  EXPECT_FALSE(loaded.scenario);
  EXPECT_THAT(loaded.messages(), HasSubstr(GetParam().place));
  EXPECT_THAT(loaded.messages(), HasSubstr(GetParam().message));
}

TEST_P(Bad, IsReportedOnce) {
  EXPECT_EQ(load_text(GetParam().text).diagnostics.error_count(), 1) << load_text(GetParam().text).messages();
}

INSTANTIATE_TEST_SUITE_P(Input, Bad, ::testing::ValuesIn(bad_inputs()),
                         [](const auto& each) { return each.param.name; });

TEST(BadInput, EveryErrorOfEveryFileAtOnce) {
  const TempFolder folder;
  folder.write("model.yaml", "base: llama-3.1-8b\nlayres: 4\n");
  const std::string text = replaced(replaced(kSmallScenario, "model: llama-3.1-8b", "model: model.yaml\nfoo: 1"),
                                    "global_batch: 16", "global_batch: many");
  const Loaded loaded =
      load_file(folder.write("scenario.yaml", text), {{"system.fabric.scale_up.bandwidth", "5 apples"}});
  EXPECT_FALSE(loaded.scenario);
  const std::string messages = loaded.messages();
  EXPECT_EQ(loaded.diagnostics.error_count(), 4) << messages;
  EXPECT_THAT(messages, HasSubstr("model.yaml:2:1: error: unknown key 'layres'"));
  EXPECT_THAT(messages, HasSubstr("scenario.yaml:6:1: error: unknown key 'foo'"));
  EXPECT_THAT(messages, HasSubstr("scenario.yaml:11:17: error: plan.global_batch must be a whole number"));
  EXPECT_THAT(messages, HasSubstr("--set system.fabric.scale_up.bandwidth:1:1: error"));
}

TEST(BadInput, AnErrorInABaseIsPlacedInTheBase) {
  const TempFolder folder;
  folder.write("parent.yaml", replaced(kSmallScenario, "tensor_parallel: 4", "tensor_parallel: four"));
  const Loaded loaded = load_file(folder.write("child.yaml", "base: parent.yaml\n"));
  EXPECT_THAT(loaded.messages(), HasSubstr("parent.yaml:7:20: error: plan.tensor_parallel"));
}

TEST(BadInput, CyclicBaseNamesTheCycle) {
  const TempFolder folder;
  folder.write("a.yaml", "name: a\nbase: b.yaml\n");
  folder.write("b.yaml", "base: ./c.yaml\n");
  folder.write("c.yaml",
               "base: ../" + std::filesystem::path(folder.path("")).parent_path().filename().string() + "/a.yaml\n");
  const Loaded loaded = load_file(folder.path("a.yaml"));
  EXPECT_FALSE(loaded.scenario);
  EXPECT_EQ(loaded.diagnostics.error_count(), 1) << loaded.messages();
  EXPECT_THAT(loaded.messages(), ::testing::ContainsRegex("c.yaml:1:7: error: cyclic base: .*a.yaml -> .*b.yaml -> "
                                                          ".*c.yaml -> .*a.yaml"));
}

TEST(BadInput, AFileThatIsItsOwnBase) {
  const TempFolder folder;
  const Loaded loaded = load_file(folder.write("a.yaml", "base: a.yaml\n"));
  EXPECT_THAT(loaded.messages(), HasSubstr("a.yaml:1:7: error: cyclic base"));
}

TEST(BadInput, AModelThatIsItsOwnBase) {
  const TempFolder folder;
  folder.write("m.yaml", "base: m.yaml\n");
  const Loaded loaded = load_file(folder.write("s.yaml", replaced(kSmallScenario, "llama-3.1-8b", "m.yaml")));
  EXPECT_THAT(loaded.messages(), HasSubstr("m.yaml:1:7: error: cyclic base"));
}

TEST(BadInput, AFileOfFiftyMegabytes) {
  const TempFolder folder;
  const Loaded loaded = load_file(folder.write("big.yaml", "name: " + std::string(50'000'000, 'x') + "\n"));
  EXPECT_FALSE(loaded.scenario);
  EXPECT_THAT(loaded.messages(), HasSubstr("big.yaml: error: is larger than 16 MiB"));
}

TEST(BadInput, AFolderAndAMissingFile) {
  const TempFolder folder;
  EXPECT_THAT(load_file(folder.path("")).messages(), HasSubstr("is a folder"));
  EXPECT_THAT(load_file(folder.path("none.yaml")).messages(), HasSubstr("cannot be read"));
}

TEST(BadInput, AnUnknownLibraryScenario) {
  EXPECT_THAT(load_file("deepseek_v3_cloudmatrix").messages(),
              HasSubstr("unknown scenario 'deepseek_v3_cloudmatrix'; did you mean 'deepseek_v3_cloudmatrix384'?"));
}

TEST(BadInput, OverridesThatMakeNoSense) {
  EXPECT_THAT(load_text(kSmallScenario, {{"plan..micro_batch", "2"}}).messages(), HasSubstr("empty part"));
  EXPECT_THAT(load_text(kSmallScenario, {{"plan.micro_bacth", "2"}}).messages(),
              HasSubstr("did you mean 'micro_batch'?"));
  EXPECT_THAT(load_text(kSmallScenario, {{"plan.micro_batch", "{"}}).messages(), HasSubstr("bad YAML"));
  EXPECT_THAT(load_text(kSmallScenario, {{"name.first", "x"}}).messages(), HasSubstr("name must be text"));
}

TEST(BadInput, AChipThatHostsOtherRanksThanItsSystem) {
  const Loaded loaded = load_text(kSmallScenario + "chip: ascend-910c\n");
  EXPECT_FALSE(loaded.scenario);
  EXPECT_THAT(loaded.messages(), HasSubstr("the chip hosts 2 ranks, but the system's fabric has 1 devices per chip"));
}

}  // namespace
}  // namespace supernode
