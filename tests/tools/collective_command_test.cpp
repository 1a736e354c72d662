// `supernode collective` as a user sees it: reports, JSON, CSV, sweeps, mistakes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ProgramRun;
using testing::run_program;
using testing::TempFolder;

json collective(const std::string& arguments) {
  const ProgramRun run = run_program("collective " + arguments + " --json");
  EXPECT_EQ(run.code, 0) << run.err;
  return run.code == 0 ? json::parse(run.out) : json();
}

TEST(CollectiveCommand, ReportsTimePartsRivalsAndLinks) {
  const ProgramRun run = run_program("collective all-reduce --system hgx-h100 --bytes '64 MiB'");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  for (const char* part :
       {"all reduce of 64.00 MiB on hgx-h100", "8 ranks of 8 chips", "software", "hops", "wire", "bus bandwidth",
        "no less than", "Algorithms", "chosen", "Busiest links", "Stands on", "protocol nccl-hgx-h100"})
    EXPECT_THAT(run.out, HasSubstr(part));
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b"))) << "no colour off a terminal";
}

TEST(CollectiveCommand, ARankOfCloudMatrixIsADie) {
  const ProgramRun run = run_program("collective all_gather --system cloudmatrix-384 --ranks 16 --bytes 16MiB");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("a rank is a die, 2 a chip"));
}

// 3.6 GB over 8 GPUs with 450 GB/s: 7/8 of it leave a port in 7 ms, after two links of 0.3 us.
TEST(CollectiveCommand, FlowIsTheBareFabric) {
  const json answer = collective("all-to-all --system hgx-h100 --bytes '3.6 GB' --algorithm direct --flow");
  EXPECT_NEAR(answer["time_s"], 7e-3 + 0.6e-6, 1e-9);
  EXPECT_EQ(answer["software_s"], 0.0);
  EXPECT_EQ(answer["simulation"]["flows"], 56);
  const json simgrid = collective("all-to-all --system hgx-h100 --bytes '3.6 GB' --algorithm direct --flow --simgrid");
  EXPECT_NEAR(simgrid["time_s"].get<double>() / answer["time_s"].get<double>(), 1, 1e-6);
}

TEST(CollectiveCommand, JsonSumsUp) {
  const json answer = collective("reduce-scatter --system hgx-h100 --ranks 16 --bytes '64 MiB'");
  EXPECT_NEAR(answer["software_s"].get<double>() + answer["hops_s"].get<double>() + answer["wire_s"].get<double>(),
              answer["time_s"].get<double>(), 1e-12);
  EXPECT_NEAR(answer["algorithm_bandwidth_bytes_per_s"].get<double>() * answer["time_s"].get<double>(), 67108864, 1);
  EXPECT_GE(answer["bound"]["time_over_bound_ratio"], 1.0);
  double fastest = 0;
  for (const json& each : answer["algorithms"])
    if (each["in_library"] && fastest == 0) fastest = each["over_chosen_ratio"];
  EXPECT_EQ(fastest, 1.0) << "the library chooses the fastest of its own";
}

TEST(CollectiveCommand, FaultsCostTimeAndAreNamed) {
  const json answer = collective("all-to-all --system hgx-h100 --bytes '64 MiB' --set faults.links=1");
  EXPECT_GT(answer["faults"]["slowdown_ratio"], 1.0);
  EXPECT_FALSE(answer["faults"]["broken"].empty());
  const json same = collective("all-to-all --system hgx-h100 --bytes '64 MiB' --set system.faults.links=1");
  EXPECT_EQ(same["time_s"], answer["time_s"]) << "the leading system. may be left out";
}

TEST(CollectiveCommand, SaysWhoseFitItStandsOn) {
  const ProgramRun run = run_program("collective all-to-all --system cloudmatrix-384 --ranks 16 --bytes 1MiB");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("no fit of scale_up.all_to_all"));
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.find('/') == std::string::npos) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
}

TEST(CollectiveCommand, ExpertExchangesTakeTokensAndSkew) {
  const std::string plain = "ep-dispatch --system hgx-h100 --tokens 4096 --experts 64 --topk 4";
  const json even = collective(plain), skewed = collective(plain + " --zipf 1");
  EXPECT_EQ(even["bytes"], 4096.0 * 7168);
  EXPECT_NEAR(even["expert_imbalance_ratio"], 1, 1e-9);
  EXPECT_GT(skewed["expert_imbalance_ratio"], 1.2);
  EXPECT_GT(skewed["time_s"], even["time_s"]);
}

TEST(CollectiveCommand, TwoAtOnce) {
  const ProgramRun run = run_program(
      "collective all-reduce --system hgx-h100 --ranks 2 --stride 8 --bytes '64 MiB' --algorithm ring "
      "--with all-gather:64MiB:ranks=2:stride=8:algorithm=ring");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("slowdown"));
}

TEST(CollectiveCommand, SweepIsATableAndStableCsv) {
  const std::string sweep =
      "collective all-reduce --system hgx-h100 --sweep 'bytes=1MiB..4MiB,ranks=4,6,algorithm=halving-doubling'";
  const ProgramRun csv = run_program(sweep + " --csv --workers 2"), one = run_program(sweep + " --csv");
  ASSERT_EQ(csv.code, 0) << csv.err;
  EXPECT_EQ(csv.out, one.out) << "the number of workers changes nothing";
  std::istringstream lines(csv.out);
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(line);
  ASSERT_EQ(rows.size(), 7u);
  EXPECT_EQ(rows[0],
            "operation,system,chips,ranks,stride,bytes,set,algorithm,time_s,software_s,hops_s,wire_s,"
            "algorithm_bandwidth_bytes_per_s,bus_bandwidth_bytes_per_s,rounds,plane,bound_s,time_over_bound_ratio,"
            "busiest_link,busiest_utilisation,healthy_time_s,slowdown_ratio,fit,fit_confidence,status,error");
  EXPECT_THAT(rows[1], HasSubstr(",ok,"));
  EXPECT_THAT(rows[2], HasSubstr("impossible"));
  EXPECT_THAT(run_program(sweep).out, HasSubstr("power of two"));
}

TEST(CollectiveCommand, SweepsTheSystem) {
  const ProgramRun run = run_program(
      "collective all-to-all --system hgx-h100 --bytes '64 MiB' --json "
      "--sweep fabric.scale_up.bandwidth=225GB/s..900GB/s");
  ASSERT_EQ(run.code, 0) << run.err;
  const json rows = json::parse(run.out)["rows"];
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_GT(rows[0]["time_s"], rows[1]["time_s"]);
  EXPECT_GT(rows[1]["time_s"], rows[2]["time_s"]);
}

TEST(CollectiveCommand, MistakesExitWithTwoAndSuggest) {
  const std::string h100 = " --system hgx-h100 --bytes 1MiB";
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"", "operation"},
      {"all-reduce --bytes 1MiB", "--system"},
      {"all-redcue" + h100, "did you mean 'all-reduce'"},
      {"all-reduce --system hgx-h10 --bytes 1MiB", "did you mean 'hgx-h100'"},
      {"all-reduce --system hgx-h100", "--bytes"},
      {"all-reduce --system hgx-h100 --bytes 64", "--bytes 64"},
      {"all-reduce" + h100 + " --algorithm rng", "did you mean 'ring'"},
      {"all-reduce" + h100 + " --ranks 12 --algorithm halving-doubling", "power of two"},
      {"all-reduce" + h100 + " --ranks 1", "at least 2 ranks"},
      {"all-reduce" + h100 + " --ranks 16 --chips 8", "16 chips would do"},
      {"all-reduce" + h100 + " --sweep bytes", "a sweep is KEY=VALUES"},
      {"all-reduce" + h100 + " --set fabric.scale_up.bandwith='1 GB/s'", "did you mean 'bandwidth'"},
      {"all-reduce" + h100 + " --set nonsense", "PATH=VALUE"},
      {"all-reduce" + h100 + " --with all-gather:1MiB:strid=8", "did you mean 'stride'"},
      {"all-reduce" + h100 + " --simgrid", "--flow"},
      {"all-reduce --system hgx-h100 --sweep byts=1KiB..4KiB", "(or the setting 'bytes'?)"},
      {"all-reduce" + h100 + " --set faults.chips=[5]", "--set faults.chips:1:1: error: faults: dead chips"},
      {"all-reduce" + h100 + " --json --csv", "--csv"},
      {"ep-dispatch" + h100 + " --histogram /no/such.csv", "/no/such.csv"},
  };
  for (const auto& [arguments, text] : mistakes) {
    const ProgramRun run = run_program("collective " + arguments);
    EXPECT_EQ(run.code, 2) << arguments;
    EXPECT_THAT(run.out, IsEmpty()) << arguments;
    EXPECT_THAT(run.err, HasSubstr(text)) << arguments;
  }
}

TEST(CollectiveCommand, HelpBeginsWithExamples) {
  for (const char* command : {"collective", "resilience"}) {
    const ProgramRun run = run_program(std::string(command) + " --help");
    EXPECT_EQ(run.code, 0);
    EXPECT_LT(run.out.find("Examples:"), run.out.find("Usage:"));
  }
  EXPECT_THAT(run_program("--help").out, Not(HasSubstr("Examples:"))) << "one line a command";
}

// The commands that docs/fabric_studies.md shows, those of several lines joined.
std::vector<std::string> guide_commands() {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/docs/fabric_studies.md");
  std::vector<std::string> commands;
  std::string line, command;
  while (std::getline(stream, line)) {
    if (command.empty() && !line.starts_with("supernode ")) continue;
    command += line;
    if (command.ends_with('\\')) {
      command.pop_back();
      continue;
    }
    commands.push_back(command.substr(std::string("supernode ").size()));
    command.clear();
  }
  return commands;
}

class GuideCommand : public ::testing::TestWithParam<std::string> {};

// Searches for how much may fail are cut short.
TEST_P(GuideCommand, Runs) {
  const bool search = GetParam().starts_with("resilience");
  const ProgramRun run = run_program(GetParam() + (search ? " --draws 1 --max 1" : ""));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("impossible"))) << run.out;
  EXPECT_THAT(run.out, Not(HasSubstr("failed:"))) << run.out;
}

INSTANTIATE_TEST_SUITE_P(FabricStudies, GuideCommand, ::testing::ValuesIn(guide_commands()));

TEST(CollectiveCommand, TheGuideHasCommands) { EXPECT_GE(guide_commands().size(), 12u); }

}  // namespace
}  // namespace supernode
