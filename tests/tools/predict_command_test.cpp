// supernode predict as typed: rows pass through with what is predicted; bad tables stop before anything is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/tools/program.hpp"

namespace supernode::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kHeader = "chip,op,phase,dtype,m,n,k,time_us,tflops,note,source,mine\n";
const std::string kGood = "h100-sxm,gemm,fwd,bf16,8192,8192,8192,1404.8,,,x/y@1,\"a, b\"\n";

ProgramRun predict(const std::string& table, const std::string& options, const std::string& what = "kernels") {
  const TempFolder folder;
  return run_program("predict " + what + " " + folder.write("t.csv", table) + " " + options);
}

TEST(PredictCommand, RowsPassThroughInOrderWithThePrediction) {
  const ProgramRun run = predict(kHeader + kGood + "mi300x,gemm,fwd,bf16,8,8,8,5,,,s,\n", "--csv");
  ASSERT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.out);
  std::string header, first, second;
  std::getline(lines, header), std::getline(lines, first), std::getline(lines, second);
  EXPECT_EQ(header, "chip,op,phase,dtype,m,n,k,time_us,tflops,note,source,mine,predicted_us,std_us,ratio,skipped");
  EXPECT_THAT(first, StartsWith("h100-sxm,gemm,fwd,bf16,8192,8192,8192,1404.8,,,x/y@1,\"a, b\","));
  EXPECT_THAT(second, HasSubstr(",,,,chip 'mi300x' is not in the catalogue"));
  EXPECT_THAT(run.err, HasSubstr("1 of 2 rows"));
}

// 2·8192³ FLOPs at the chip's 989 TFLOPS take 1111.7 us; the measured 1404.8 us are 782.7 TFLOPS.
TEST(PredictCommand, JsonEndsInTheErrors) {
  const ProgramRun run = predict(kHeader + kGood, "--json --rows");
  ASSERT_EQ(run.code, 0) << run.err;
  const json out = json::parse(run.out);
  EXPECT_EQ(out["rows"], 1);
  EXPECT_EQ(out["predicted"], 1);
  const json& row = out["predictions"][0];
  EXPECT_GT(row["predicted_us"].get<double>(), 1111.7);
  EXPECT_NEAR(row["ratio"].get<double>(), row["predicted_us"].get<double>() / 1404.8, 1e-9);
  EXPECT_NEAR(out["median_abs_error"].get<double>(), std::abs(row["ratio"].get<double>() - 1), 1e-9);
  EXPECT_EQ(out["bias"], row["ratio"]);
  EXPECT_EQ(out["by"]["chip"]["h100"]["predicted"], 1);
  EXPECT_EQ(out["by"]["source"]["x/y"]["rows"], 1);
  EXPECT_EQ(row["mine"], "a, b");
  EXPECT_EQ(out["provenance"]["input"]["sha256"].get<std::string>().size(), 64u);
}

struct BadTable {
  const char* name;
  std::string table, message;
};

class BadKernels : public ::testing::TestWithParam<BadTable> {};

TEST_P(BadKernels, StopBeforeAnythingIsPredicted) {
  const ProgramRun run = predict(GetParam().table, "");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    PredictCommand, BadKernels,
    ::testing::Values(
        BadTable{"Nan", kHeader + kGood + "h100,gemm,fwd,bf16,8,8,8,nan,,,,\n",
                 "t.csv:3:26: error: column 'time_us': 'nan' is not a number"},
        BadTable{"Negative", kHeader + "h100,gemm,fwd,bf16,8,8,8,-1,,,,\n",
                 "t.csv:2:26: error: column 'time_us': -1 is not"},
        BadTable{"Zero", kHeader + "h100,gemm,fwd,bf16,8,8,8,0,,,,\n", "column 'time_us': 0 is not above zero"},
        BadTable{"NoTime", kHeader + "h100,gemm,fwd,bf16,8,8,8,,,,,\n",
                 "t.csv:2:1: error: a row needs a positive time_us"},
        BadTable{"Unit", kHeader + "h100,gemm,fwd,bf16,8,8,8,12 ms,,,,\n", "'12 ms' has a unit"},
        BadTable{"Chip", kHeader + "h10,gemm,fwd,bf16,8,8,8,1,,,,\n",
                 "t.csv:2:1: error: unknown chip 'h10'; did you mean 'h100'?"},
        BadTable{"NoChip", kHeader + ",gemm,fwd,bf16,8,8,8,1,,,,\n", "the row names no chip"},
        BadTable{"Size", kHeader + "h100,gemm,fwd,bf16,-8,8,8,1,,,,\n", "column 'm': -8 is not above zero"},
        BadTable{"MixedUnits", "chip,op,phase,dtype,m,n,k,time_us,time_ms,tflops\nh100,gemm,fwd,bf16,8,8,8,1,1,\n",
                 "t.csv:1:35: error: column 'time_ms' gives in another unit what column 'time_us' is for"},
        BadTable{"Width", kHeader + "h100,gemm\n", "t.csv:2:1: error: 2 cells where the header has 12"},
        BadTable{"Quote", kHeader + "h100,gemm,fwd,bf16,8,8,8,1,,,,\"x\n", "the quote is not closed"},
        BadTable{"MissingColumn", "chip,op,phase,dtype,m,n,time_us,tflops\nh100,gemm,fwd,bf16,8,8,1,\n",
                 "t.csv:1:1: error: missing column 'k'"},
        BadTable{"Empty", "", "t.csv: error: no header line"},
        BadTable{"NoRow", kHeader, "t.csv: error: the table has a header and no row"}),
    [](const auto& tested) { return tested.param.name; });

TEST(PredictCommand, BadRowsAreSkippedAndCountedWhenAsked) {
  const std::string table = kHeader + kGood + "h100,gemm,fwd,bf16,8,8,8,nan,,,,\nh100,gemm\n";
  const ProgramRun run = predict(table, "--json --skip-bad");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("t.csv:3:26"));
  const json out = json::parse(run.out);
  EXPECT_EQ(out["rows"], 3);
  EXPECT_EQ(out["predicted"], 1);
  EXPECT_EQ(out["skipped"]["bad row"], 2);
  EXPECT_EQ(predict("chip,op\n", "--skip-bad").code, 2);
  EXPECT_EQ(predict(kHeader + kGood, "--csv --json").code, 2);
  EXPECT_EQ(run_program("predict kernels /no/such.csv").code, 2);
}

TEST(PredictCommand, ByteOrderMarksAndCarriageReturnsAreFine) {
  const std::string dos =
      "\xEF\xBB\xBF" + kHeader.substr(0, kHeader.size() - 1) + "\r\n" + kGood.substr(0, kGood.size() - 1) + "\r\n";
  const ProgramRun run = predict(dos, "--json");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out)["predicted"], 1);
}

const std::string kCollectives =
    "system,chip,software,op,ranks,nodes,bytes,time_us,busbw_GBps,source,mine\n"
    "hgx-h100,h100,nccl,all_reduce,8,1,1073741824,3934,,x/y,1\n"
    "unknown,,nccl,all_reduce,8,1,1024,30,,x/y,2\n";

TEST(PredictCommand, CollectivesArePredictedBySystem) {
  const ProgramRun run = predict(kCollectives, "--json --rows", "collectives");
  ASSERT_EQ(run.code, 0) << run.err;
  const json out = json::parse(run.out);
  EXPECT_EQ(out["predicted"], 1);
  EXPECT_EQ(out["skipped"]["the source does not name the system"], 1);
  // At 450 GB/s a direction a ring of 8 needs 2·7/8 · 1 GiB / 450 GB/s = 4175 us; NVLS halves what a port sends.
  EXPECT_GT(out["predictions"][0]["predicted_us"].get<double>(), 4175 / 2.0);
  EXPECT_EQ(out["by"]["op_class"][">= 1 MiB"]["predicted"], 1);
}

TEST(PredictCommand, CollectivesOfUnknownSystemsAndOperationsStop) {
  const std::string header = "system,chip,op,ranks,bytes,time_us,busbw_GBps\n";
  const auto error = [&](const std::string& row) { return predict(header + row, "", "collectives").err; };
  EXPECT_THAT(error("hgx-h10,,all_reduce,8,1024,3,\n"),
              HasSubstr("unknown system 'hgx-h10'; did you mean 'hgx-h100'?"));
  EXPECT_THAT(error("hgx-h100,,all_reduse,8,1024,3,\n"), HasSubstr("unknown operation 'all_reduse'"));
  EXPECT_THAT(error("hgx-h100,h1000,all_reduce,8,1024,3,\n"), HasSubstr("unknown chip 'h1000'"));
  EXPECT_THAT(error("hgx-h100,,all_reduce,8,-1,3,\n"), HasSubstr("column 'bytes': -1 is not above zero"));
  EXPECT_THAT(error("hgx-h100,,all_reduce,8,1024,,\n"), HasSubstr("needs a positive time_us or busbw_GBps"));
}

TEST(PredictCommand, ReferenceTracesArePredictedWithinTheMinute) {
  const auto folder = std::filesystem::path(SUPERNODE_SOURCE_DIR).parent_path() / "shared" / "reference";
  if (!std::filesystem::exists(folder / "kernels.csv")) GTEST_SKIP() << "no reference figures here";
  for (const char* what : {"kernels", "collectives"}) {
    const ProgramRun run = run_program(fmt::format("predict {} {} --json", what, (folder / what).string() + ".csv"));
    ASSERT_EQ(run.code, 0) << run.err;
    const json out = json::parse(run.out);
    EXPECT_GT(out["predicted"].get<double>(), 0.9 * out["rows"].get<double>()) << what << out["skipped"];
  }
}

TEST(CalibrateCommand, RefusesBadRowsAndSkipsThemWhenAsked) {
  const TempFolder folder;
  std::string rows;
  for (int m : {256, 512, 1024, 2048, 4096, 8192})
    rows += fmt::format("h100-sxm,gemm,fwd,bf16,{},8192,8192,{:.1f},,,s,\n", m, m / 8192.0 * 1404.8 + 5);
  const std::string good = folder.write("good.csv", kHeader + rows);
  const std::string bad = folder.write("bad.csv", kHeader + rows + "h100,gemm,fwd,bf16,8,8,8,inf,,,,\n");
  const std::string out = folder.path("fit.yaml");
  const ProgramRun refused = run_program("calibrate kernels " + bad + " --chip h100 --out " + out);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("bad.csv:8:26: error: column 'time_us': 'inf' is not a number"));
  EXPECT_FALSE(std::filesystem::exists(out));
  const ProgramRun skipped = run_program("calibrate kernels " + bad + " --chip h100 --skip-bad --out " + out);
  ASSERT_EQ(skipped.code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("1 bad rows left out"));
  EXPECT_THAT(skipped.err, HasSubstr("unseen"));
  const ProgramRun plain = run_program("calibrate kernels " + good + " --chip h100");
  EXPECT_THAT(plain.out, HasSubstr("gemm.bf16.efficiency"));
}

TEST(CatalogCommand, ShowsWhichFitsAreShipped) {
  const ProgramRun chips = run_program("catalog chips");
  EXPECT_THAT(chips.out, HasSubstr("gemm.bf16"));
  EXPECT_THAT(chips.out, HasSubstr("median error"));
  const json list = json::parse(run_program("catalog chips --json").out);
  bool found = false;
  for (const json& chip : list) {
    if (chip["name"] != "h100") continue;
    EXPECT_THAT(chip["traces"].get<std::string>(), HasSubstr("aiconfigurator"));
    for (const json& model : chip["models"]) found = found || (model["name"] == "gemm.bf16" && model["deviation"] > 0);
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(run_program("catalog protocols").out, HasSubstr("scale_up.all_reduce"));
  EXPECT_EQ(run_program("catalog software").code, 0);
}

}  // namespace
}  // namespace supernode::testing
