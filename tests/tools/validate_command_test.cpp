// supernode validate as typed, on the tables that are shipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/tools/program.hpp"

namespace supernode::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kFolder = std::string(SUPERNODE_SOURCE_DIR) + "/calibration/published/";

std::string shipped(const std::string& name) {
  std::ifstream stream(kFolder + name);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The shipped rows of training runs with one cell of one of them replaced.
std::string with_cell(const std::string& id, const std::string& from, const std::string& to) {
  std::string text = shipped("training_runs.csv");
  const auto row = text.find("\n" + id), at = text.find(from, row);
  return text.replace(at, from.size(), to);
}

// A micro-batch of 8, a step of 64 sequences of 2048 on 8 devices at 3323 tokens/s each: 64·2048/(3323·8) = 4.9305 s.
const std::string kOne = "asc-msllm-rc3-aquila2-7b-2k-a2x8";

TEST(ValidateCommand, SetsSimulatedBesideMeasured) {
  const ProgramRun run = run_program("validate " + kFolder + "training_runs.csv --json --rows --where id=" + kOne);
  ASSERT_EQ(run.code, 0) << run.err;
  const json out = json::parse(run.out);
  EXPECT_EQ(out["rows"], 1);
  EXPECT_EQ(out["predicted"], 1);
  const json& row = out["runs"][0];
  EXPECT_EQ(row["figure"], "tokens/s");
  EXPECT_NEAR(row["measured_s"].get<double>(), 64 * 2048.0 / (3323 * 8.0), 1e-6);
  EXPECT_NEAR(row["ratio"].get<double>(), row["simulated_s"].get<double>() / row["measured_s"].get<double>(), 1e-9);
  EXPECT_LE(row["low_s"].get<double>(), row["simulated_s"].get<double>());
  EXPECT_GE(row["high_s"].get<double>(), row["simulated_s"].get<double>());
  EXPECT_FALSE(row["assumed"].empty());
  for (const char* dimension : {"chip", "class", "kind", "software", "spec", "source"})
    EXPECT_TRUE(out["by"].contains(dimension)) << dimension;
}

TEST(ValidateCommand, ReadsNanotronsAndVtrainsTables) {
  const ProgramRun nanotron = run_program("validate " + kFolder + "nanotron.csv --csv -j 1");
  ASSERT_EQ(nanotron.code, 0) << nanotron.err;
  EXPECT_THAT(nanotron.out, HasSubstr("ran out of memory"));
  EXPECT_EQ(run_program("validate " + kFolder + "nanotron.csv --csv -j 2").out, nanotron.out);
  const ProgramRun vtrain = run_program("validate " + kFolder + "vtrain.csv --json");
  ASSERT_EQ(vtrain.code, 0) << vtrain.err;
  EXPECT_EQ(json::parse(vtrain.out)["predicted"], json::parse(vtrain.out)["rows"]);
}

TEST(ValidateCommand, ReinforcementLearningStandsApart) {
  const ProgramRun run = run_program("validate " + kFolder + "training_runs.csv --json --where id~grpo");
  ASSERT_EQ(run.code, 0) << run.err;
  const json out = json::parse(run.out);
  EXPECT_EQ(out["predicted"], 0);
  EXPECT_TRUE(out["median_abs_error"].is_null());
  EXPECT_EQ(out["apart"]["rl"]["predicted"], 1);
}

TEST(ValidateCommand, GradesDecideWhatIsSimulated) {
  const TempFolder folder;
  const std::string b = folder.write("b.csv", with_cell(kOne, "spec:A", "spec:B"));
  const std::string c = folder.write("c.csv", with_cell(kOne, "spec:A", "spec:C"));
  const std::string where = " --json --where id=" + kOne;
  EXPECT_EQ(json::parse(run_program("validate " + b + where).out)["apart"]["B"]["predicted"], 1);
  const json headline = json::parse(run_program("validate " + c + where).out);
  EXPECT_EQ(headline["skipped"]["grade C: a headline only"], 1);
  EXPECT_EQ(json::parse(run_program("validate " + c + where + " --all").out)["apart"]["C"]["predicted"], 1);
}

TEST(ValidateCommand, FiltersNameColumnsThatExist) {
  const std::string runs = "validate " + kFolder + "training_runs.csv --where ";
  EXPECT_THAT(run_program(runs + "chp=H100").err, HasSubstr("no column 'chp'; did you mean 'chip'?"));
  EXPECT_EQ(run_program(runs + "chp=H100").code, 2);
  EXPECT_THAT(run_program(runs + "chip").err, HasSubstr("'chip' is neither COLUMN=VALUE nor COLUMN~TEXT"));
  EXPECT_THAT(run_program(runs + "chip=Z80").err, HasSubstr("no row passes"));
}

TEST(ValidateCommand, BadRowsStopBeforeAnythingIsSimulated) {
  const TempFolder folder;
  const auto problem = [&](const std::string& text) {
    const ProgramRun run = run_program("validate " + folder.write("t.csv", text));
    EXPECT_EQ(run.code, 2);
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  EXPECT_THAT(problem(with_cell(kOne, ",3323,", ",nan,")), HasSubstr("column 'measured_tokens_s_chip': 'nan' is not"));
  EXPECT_THAT(problem(with_cell(kOne, ",3323,", ",-3323,")), HasSubstr("-3323 is not above zero"));
  EXPECT_THAT(problem(with_cell(kOne, "Ascend 910B (A2)", "Ascnd 910B")),
              HasSubstr("unknown chip 'Ascnd 910B'; did you mean"));
  EXPECT_THAT(problem(with_cell(kOne, ",3323,", ",3323 tok/s,")), HasSubstr("has a unit"));
  std::string mixed = shipped("training_runs.csv");
  mixed.replace(mixed.find("params_b"), 8, "measured_step_ms");
  EXPECT_THAT(problem(mixed), HasSubstr("t.csv:1:"));
  EXPECT_THAT(problem("a,b\n1,2\n"), HasSubstr("not a table of published runs"));
  EXPECT_THAT(problem(""), HasSubstr("error"));
  const std::string bad = folder.write("bad.csv", with_cell(kOne, ",3323,", ",nan,"));
  const ProgramRun skipped = run_program("validate " + bad + " --skip-bad --json --where chip=A800");
  ASSERT_EQ(skipped.code, 0) << skipped.err;
  EXPECT_EQ(json::parse(skipped.out)["skipped"]["bad row"], 1);
}

}  // namespace
}  // namespace supernode::testing
