// supernode import and memory as typed: what they print loads back, what is wrong exits with 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/program.hpp"

namespace supernode::testing {
namespace {

using ::testing::HasSubstr;

const std::string kRuns = std::string(SUPERNODE_SOURCE_DIR) + "/calibration/published/training_runs.csv";
const std::string kNanotron = std::string(SUPERNODE_SOURCE_DIR) + "/calibration/published/nanotron.csv";

TEST(ImportCommand, ARowRunsOnceImported) {
  const TempFolder folder;
  const std::string file = folder.path("run.yaml");
  const ProgramRun imported =
      run_program("import run " + kRuns + " --id ASC-msllm-rc3-aquila2-7b-2k-a2x8 --out " + file);
  ASSERT_EQ(imported.code, 0) << imported.err;
  const ProgramRun run = run_program("run --json " + file);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_GT(nlohmann::json::parse(run.out)["published"]["tokens_per_s_chip"].get<double>(), 0);
}

TEST(ImportCommand, AnUnknownIdIsRefusedWithTheNearest) {
  const ProgramRun run = run_program("import run " + kRuns + " --id asc-msllm-rc3-aquila2-7b-2k-a2x9");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'asc-msllm-rc3-aquila2-7b-2k-a2x8'?"));
  EXPECT_EQ(run_program("import run /no/such.csv --id 1").code, 2);
}

TEST(ImportCommand, FlagsAndConfigsImport) {
  const ProgramRun flags = run_program(
      "import megatron '--num-layers 4 --hidden-size 1024 --num-attention-heads 16 --seq-length 1024 --bf16' --system "
      "hgx-a100");
  ASSERT_EQ(flags.code, 0) << flags.err;
  EXPECT_THAT(flags.out, HasSubstr("base: hgx-a100"));
  const TempFolder folder;
  const std::string config =
      folder.write("config.json", R"({"model_type": "mistral", "hidden_size": 4096, "vocab_size": 32000,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336})");
  const ProgramRun model = run_program("import hf " + config);
  ASSERT_EQ(model.code, 0) << model.err;
  EXPECT_THAT(model.out, HasSubstr("kv_heads: 8"));
  EXPECT_EQ(run_program("import hf " + kRuns).code, 2);
  EXPECT_EQ(run_program("import megatron nowhere.sh").code, 2);
}

TEST(MemoryCommand, ATableIsJudgedRowByRow) {
  const ProgramRun run = run_program("memory " + kNanotron + " --json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  ASSERT_EQ(json["rows"].size(), 9u);
  EXPECT_EQ(json["judged"], 9);
  EXPECT_GE(json["share"].get<double>(), 0.8);
  for (const auto& row : json["rows"]) EXPECT_GT(row["capacity_bytes"].get<double>(), 79e9) << row;
  EXPECT_EQ(run_program("memory " + kNanotron + " --json --csv").code, 2);
}

TEST(MemoryCommand, AScenarioIsShownStageByStage) {
  const TempFolder folder;
  const std::string file = folder.write("small.yaml", kSmallScenario);
  const ProgramRun run = run_program("memory " + file + " --json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["stages"].size(), 2u);
  EXPECT_TRUE(json["fits"].get<bool>());
  const ProgramRun full = run_program("memory " + file + " --set plan.micro_batch=8 --set plan.sequence_length=131072");
  EXPECT_EQ(full.code, 3);
  EXPECT_THAT(full.out, HasSubstr("does not fit"));
}

}  // namespace
}  // namespace supernode::testing
