// What a user sees: exit codes, what goes to standard output and what to standard error, what is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kSmallScenario;
using ::testing::Not;
using testing::ProgramRun;
using testing::replaced;
using testing::run_program;
using testing::TempFolder;

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

TEST(Cli, RunPrintsAReport) {
  const TempFolder folder;
  const ProgramRun run = run_program("run " + folder.write("small.yaml", kSmallScenario));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  for (const char* part : {"step time", "tokens/s a chip", "MFU", "HFU", "Where the time goes", "pipeline bubble",
                           "Memory per rank", "weights", "fits in", "Assumed"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b"))) << "no colour off a terminal";
}

TEST(Cli, RunPrintsJsonThatNamesItsInputs) {
  const TempFolder folder;
  const std::string path = folder.write("small.yaml", kSmallScenario);
  const ProgramRun run = run_program("run --json " + path);
  ASSERT_EQ(run.code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_GT(result["step_time_s"], 0.0);
  EXPECT_EQ(result["provenance"]["inputs"][0]["name"], path);
  EXPECT_THAT(result["provenance"]["resolved_scenario"].get<std::string>(), HasSubstr("tensor_parallel: 4"));
}

TEST(Cli, RunReadsStandardInputAndOverrides) {
  const TempFolder folder;
  const std::string path = folder.write("small.yaml", kSmallScenario);
  const ProgramRun file = run_program("run --json " + path);
  const ProgramRun piped = run_program("run --json -", "cat " + path + " |");
  const ProgramRun slowed = run_program("run --json " + path + " --set system.fabric.scale_up.bandwidth='45 GB/s'");
  ASSERT_EQ(piped.code, 0) << piped.err;
  ASSERT_EQ(slowed.code, 0) << slowed.err;
  EXPECT_EQ(json::parse(piped.out)["step_time_s"], json::parse(file.out)["step_time_s"]);
  EXPECT_GT(json::parse(slowed.out)["step_time_s"], json::parse(file.out)["step_time_s"]);
  EXPECT_EQ(json::parse(slowed.out)["provenance"]["overrides"][0]["value"], "45 GB/s");
}

TEST(Cli, OutHoldsResultScenarioAndTrace) {
  const TempFolder folder;
  const std::string scenario = folder.write("small.yaml", kSmallScenario), out = folder.path("new/folder");
  const ProgramRun run = run_program("run --json " + scenario + " --out " + out);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(read(out + "/result.json"), run.out);
  EXPECT_GT(json::parse(read(out + "/trace.json"))["traceEvents"].size(), 10u);
  const ProgramRun again = run_program("run --json " + out + "/scenario.yaml");
  ASSERT_EQ(again.code, 0) << again.err;
  json first = json::parse(run.out), second = json::parse(again.out);
  first.erase("provenance");
  second.erase("provenance");
  EXPECT_EQ(first, second) << "the resolved scenario must reproduce the run";
}

TEST(Cli, OutLeavesOtherFilesAndNoLitter) {
  const TempFolder folder, target;
  target.write("mine.txt", "keep");
  const std::string out = target.path("");
  const ProgramRun run = run_program("run " + folder.write("small.yaml", kSmallScenario) + " --out " + out);
  ASSERT_EQ(run.code, 0) << run.err;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out)) names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("mine.txt", "result.json", "scenario.yaml", "trace.json"));
}

TEST(Cli, SameBytesForAnyNumberOfWorkers) {
  const TempFolder folder;
  const std::string path = folder.write("small.yaml", kSmallScenario);
  const ProgramRun one = run_program("run --json --workers 1 " + path);
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, run_program("run --json --workers 4 " + path).out);
}

TEST(Cli, CompareSetsScenariosSideBySide) {
  const TempFolder folder;
  const std::string a = folder.write("a.yaml", kSmallScenario);
  const std::string b = folder.write("b.yaml", replaced(kSmallScenario, "hgx-h100", "hgx-h800"));
  const ProgramRun text = run_program("compare " + a + " " + b);
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part : {"tokens/s a die", "tokens/s a chip", "tokens/s a supernode", "tokens/s at 16 chips each",
                           "A/B", "exposed tensor"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const ProgramRun run = run_program("compare --json " + a + " " + b);
  const json result = json::parse(run.out);
  EXPECT_EQ(result["outcomes"].size(), 2u);
  EXPECT_GE(result["rows"][0]["first_over_each_ratio"][1], 1.0) << "an H800 is an H100 with less NVLink";
}

TEST(Cli, APlanThatDoesNotFitExitsWithThree) {
  const TempFolder folder;
  const std::string path = folder.write("small.yaml", kSmallScenario);
  const ProgramRun run = run_program("run " + path + " --set chip.hbm.capacity='16 GiB' --out " + folder.path("out"));
  EXPECT_EQ(run.code, 3) << run.err;
  EXPECT_THAT(run.out, HasSubstr("does not fit in 16.0 GiB"));
  EXPECT_THAT(run.out, HasSubstr("would fit: "));
  EXPECT_THAT(run.out, Not(HasSubstr("step time")));
  EXPECT_FALSE(std::filesystem::exists(folder.path("out")));
  EXPECT_EQ(run_program("run --ignore-memory " + path + " --set chip.hbm.capacity='16 GiB'").code, 0);
}

TEST(Cli, BadInputExitsWithTwoAndWritesNothing) {
  const TempFolder folder;
  const std::string path = folder.write("bad.yaml", replaced(kSmallScenario, "  global_batch: 16", "  glob: 16"));
  const std::string out = folder.path("out");
  for (const std::string& command : {"run " + path, "compare " + path + " " + path}) {
    const ProgramRun run = run_program(command + " --out " + out);
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr("bad.yaml:10:3: error: unknown key 'glob'"));
    EXPECT_THAT(run.err, HasSubstr("plan.global_batch is missing"));
    EXPECT_FALSE(std::filesystem::exists(out));
  }
}

TEST(Cli, UsageErrorsExitWithTwo) {
  const TempFolder folder;
  const std::string good = folder.write("small.yaml", kSmallScenario);
  const std::string file = folder.write("file", "x");
  const std::vector<std::string> mistakes = {
      "",
      "frobnicate",
      "run",
      "run --frob " + good,
      "compare " + good,
      "run --workers 0 " + good,
      "run --workers x " + good,
      "run " + good + " --set nonsense",
      "run " + good + " --set =1",
      "run " + good + " --set a=",
      "run " + good + " --out " + file,
      "run " + good + " --out " + file + "/below",
      "run no_such_scenario",
      "run /no/such/file.yaml",
      "catalog chip",
      "catalog chips h10",
      "calibrate",
      "calibrate kernels",
      "calibrate kernels " + file + " --chip nope",
      "calibrate kernels /no/such.csv --chip h100",
      "calibrate collectives /no/such.csv --system hgx-h100",
  };
  for (const std::string& arguments : mistakes) {
    const ProgramRun run = run_program(arguments);
    EXPECT_EQ(run.code, 2) << arguments;
    EXPECT_THAT(run.out, IsEmpty()) << arguments;
    EXPECT_THAT(run.err, Not(IsEmpty())) << arguments;
  }
}

TEST(Cli, HelpAndVersionGoToStandardOutput) {
  for (const char* arguments : {"--help", "run --help", "compare --help", "catalog --help", "--version"}) {
    const ProgramRun run = run_program(arguments);
    EXPECT_EQ(run.code, 0) << arguments;
    EXPECT_THAT(run.out, Not(IsEmpty())) << arguments;
  }
}

TEST(Cli, CatalogListsAndShows) {
  const ProgramRun all = run_program("catalog");
  EXPECT_EQ(all.code, 0);
  for (const char* name : {"ascend-910c", "cloudmatrix-384", "deepseek-v3", "llama3_405b_h100_16k"}) {
    EXPECT_THAT(all.out, HasSubstr(name));
  }
  EXPECT_THAT(run_program("catalog chips").out, Not(HasSubstr("cloudmatrix-384")));
  EXPECT_THAT(run_program("catalog systems cloudmatrix-384").out, HasSubstr("chip: ascend-910c"));
  EXPECT_EQ(json::parse(run_program("catalog models --json").out)[0]["name"], "baichuan-13b");
}

TEST(Cli, AFullDiskIsAFailure) {
  const TempFolder folder;
  const std::string path = folder.write("small.yaml", kSmallScenario);
  const int status =
      std::system(fmt::format("'{}' run {} > /dev/full 2> '{}'", SUPERNODE_BINARY, path, folder.path("err")).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(read(folder.path("err")), HasSubstr("cannot write the result"));
}

TEST(Cli, AnInterruptExitsWith130) {
  const TempFolder folder;
  // `timeout` sends the signal to the program alone; standard input never ends, so that it surely is still there.
  const int status = std::system(fmt::format("sleep 5 | timeout --preserve-status --signal=INT 0.5 '{}' run - "
                                             "> /dev/null 2>&1",
                                             SUPERNODE_BINARY)
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST(Cli, CalibratesKernelsFromATrace) {
  const TempFolder folder;
  std::string csv =
      "chip,op,phase,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim,head_dim_v,seq_q,seq_kv,causal,"
      "accumulate,time_us,tflops,note,source\n";
  for (int n = 1024; n <= 16384; n *= 2) {
    csv += fmt::format("h100,gemm,fwd,bf16,{0},{0},{0},,,,,,,,,,,{1},,,test\n", n, 10 + 2.0 * n * n * n / 600e6);
  }
  const std::string out = folder.path("fit.yaml");
  const ProgramRun run =
      run_program("calibrate kernels " + folder.write("trace.csv", csv) + " --chip h100 --out " + out);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("gemm.bf16"));
  EXPECT_THAT(read(out), HasSubstr("launch:"));
}

}  // namespace
}  // namespace supernode
