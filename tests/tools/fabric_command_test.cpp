// supernode fabric: the report, the JSON, the graph for other programs, the picture, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramRun;
using testing::run_program;
using testing::TempFolder;

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// "" when every tag is closed in order and every & begins an entity; else what is wrong.
std::string xml_problem(const std::string& text) {
  static const std::regex kEntity("&(amp|lt|gt|quot|apos);");
  static const std::regex kTag("^[?/]?[A-Za-z][A-Za-z0-9]*( +[A-Za-z_:.0-9-]+=\"[^\"<]*\")* *[/?]?$");
  const auto ampersands = std::count(text.begin(), text.end(), '&');
  if (ampersands != std::distance(std::sregex_iterator(text.begin(), text.end(), kEntity), {})) return "a bare &";
  std::vector<std::string> open;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t end = text.find('>', at);
    if (end == std::string::npos) return "an unfinished tag";
    std::string tag = text.substr(at + 1, end - at - 1);
    std::replace(tag.begin(), tag.end(), '\n', ' ');
    if (!std::regex_match(tag, kTag)) return "not a tag: " + tag;
    const std::string name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '?' || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "closed out of order: " + name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

TEST(FabricCommand, ReportsCloudMatrixIn80Columns) {
  const ProgramRun run = run_program("fabric cloudmatrix-384");
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part : {"336", "112", "5,376", "1,536", "6,912", "18.30 t", "559.4 kW", "719.2 kW", "$8.200 M",
                           "75.26 TB/s", "SemiAnalysis"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(FabricCommand, SaysWhatIsUnknown) {
  const ProgramRun run = run_program("fabric hgx-h20 --json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_TRUE(json["inventory"]["weight_kg"]["amount"].is_null());
  EXPECT_THAT(run_program("fabric hgx-h20").out, HasSubstr("unknown"));
}

// Names only when asked: a census of 384 chips stays a page.
TEST(FabricCommand, JsonHasNumbersUnitsAndSources) {
  const ProgramRun run = run_program("fabric cloudmatrix-384 --json");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_LT(run.out.size(), 40000u);
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["inventory"]["optical_modules"]["amount"], 6912.0);
  EXPECT_EQ(json["inventory"]["power_published_w"]["sources"][0]["confidence"], "derived");
  EXPECT_NEAR(json["planes"]["scale_up"]["bisection"]["bandwidth_bytes_per_s"].get<double>(), 24 * 7 * 448e9, 1e6);
  EXPECT_EQ(json["planes"]["scale_up"]["diameter_hops"], 4);
  EXPECT_FALSE(json.contains("names"));
}

TEST(FabricCommand, NamesEverythingThatAFaultMayName) {
  const ProgramRun run = run_program("fabric cloudmatrix-384 --chips 16 --json --names");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto names = nlohmann::json::parse(run.out)["names"];
  EXPECT_THAT(names["switches"].dump(), HasSubstr("\"supernode0.L2.0.3\""));
  EXPECT_THAT(names["links"].dump(), HasSubstr("\"node1.L1.2--supernode0.L2.2.5\""));
  EXPECT_THAT(names["nics"].dump(), HasSubstr("\"nic15\""));
}

TEST(FabricCommand, TakesAFileAndAScenario) {
  const TempFolder folder;
  const std::string file = folder.write("mine.yaml", "base: hgx-h100\nname: mine\nchips: 16\n");
  const ProgramRun own = run_program(fmt::format("fabric '{}' --set fabric.scale_up.bandwidth='100 GB/s'", file));
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_THAT(own.out, HasSubstr("mine: 16 chips"));
  EXPECT_THAT(own.out, HasSubstr("100.0 GB/s"));
  const ProgramRun scenario =
      run_program(fmt::format("fabric '{}'", folder.write("small.yaml", testing::kSmallScenario)));
  EXPECT_EQ(scenario.code, 0) << scenario.err;
  EXPECT_THAT(scenario.out, HasSubstr("hgx-h100: 16 chips"));
}

TEST(FabricCommand, ShowsWhatFaultsTake) {
  const ProgramRun run = run_program("fabric cloudmatrix-384 --chips 64 --set 'system.faults={planes: {scale_up: 1}}'");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("What faults take"));
  EXPECT_THAT(run.out, HasSubstr("(14.29 % lost)"));
}

TEST(FabricCommand, ExportsWellFormedFiles) {
  const TempFolder folder;
  const std::string name = "a<b&\"c\"";  // a name that XML and Graphviz must escape
  const std::string file = folder.write("odd.yaml", "base: atlas-800t-a2\nname: '" + name + "'\n");
  const ProgramRun run = run_program(fmt::format("fabric '{}' --dot '{}' --graphml '{}' --svg '{}'", file,
                                                 folder.path("f.dot"), folder.path("f.graphml"), folder.path("f.svg")));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(xml_problem(read(folder.path("f.graphml"))), "");
  const std::string svg = read(folder.path("f.svg"));
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_THAT(svg, HasSubstr("a&lt;b&amp;&quot;c&quot;"));
  EXPECT_THAT(svg, Not(HasSubstr("href")));  // nothing from elsewhere
  const std::string dot = read(folder.path("f.dot"));
  EXPECT_THAT(dot, HasSubstr("a<b&\\\"c\\\""));
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}'));
  EXPECT_THAT(dot, HasSubstr("28.00 GB/s"));
}

// Every vertex and link once: 32 devices, 16 NICs, 8 CPUs, 14 L1 and 112 L2 chips, 8 leaves, a VPC card a node, its
// switch, and the spines.
TEST(FabricCommand, GraphmlIsTheWholeGraph) {
  const TempFolder folder;
  const ProgramRun run =
      run_program(fmt::format("fabric cloudmatrix-384 --chips 16 --json --graphml '{}'", folder.path("f.graphml")));
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string text = read(folder.path("f.graphml"));
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  std::size_t links = 0;
  const auto json = nlohmann::json::parse(run.out);
  for (const auto& each : json["links"]) links += each["links"].get<std::size_t>();
  EXPECT_EQ(count("<edge "), links);
  EXPECT_EQ(count("<data key=\"kind\">device<"), 32u);
  EXPECT_EQ(count("<data key=\"tier\">L1<"), 14u);
  EXPECT_EQ(count("<data key=\"tier\">L2<"), 112u);
  EXPECT_EQ(count("<data key=\"medium\">optical<"), 14u * 16 + 2 * 16 + 2);  // L1-L2, NIC-leaf-spine, VPC
}

// 7 sub-planes as bands; all uplinks of a healthy supernode alike; a dead link is drawn as one.
TEST(FabricCommand, DrawsCloudMatrixByPlanesAndTiers) {
  const TempFolder folder;
  const std::string path = folder.path("f.svg");
  const ProgramRun run = run_program(fmt::format("fabric cloudmatrix-384 --chips 64 --svg '{}' --bytes '1 MiB'", path));
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string svg = read(path);
  EXPECT_EQ(xml_problem(svg), "");
  for (int plane = 0; plane < 7; ++plane) EXPECT_THAT(svg, HasSubstr(fmt::format("sub-plane {}, L2 x 16", plane)));
  EXPECT_THAT(svg, HasSubstr("all-to-all of 1.000 MiB on each of 128 devices"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme: dark"));
  const ProgramRun broken =
      run_program(fmt::format("fabric cloudmatrix-384 --chips 64 --svg '{}' --load none --set "
                              "'faults={{links: [node1.L1.2--supernode0.L2.2.5]}}'",
                              path));
  ASSERT_EQ(broken.code, 0) << broken.err;
  EXPECT_THAT(read(path), HasSubstr("16 optical links of 28.00 GB/s, 1 dead"));
}

TEST(FabricCommand, RefusesBadInput) {
  const ProgramRun unknown = run_program("fabric cloudmatrix384");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown system 'cloudmatrix384'; did you mean 'cloudmatrix-384'?"));
  const ProgramRun key = run_program("fabric hgx-h100 --set fabric.scale_up.bandwith='1 GB/s'");
  EXPECT_EQ(key.code, 2);
  EXPECT_THAT(key.err, HasSubstr("did you mean 'bandwidth'?"));
  const ProgramRun link = run_program("fabric hgx-h100 --chips 16 --set 'faults={links: [nope--nic1]}'");
  EXPECT_EQ(link.code, 2) << link.err;
  const ProgramRun missing = run_program("fabric no_such.yaml");
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("no_such.yaml"));
  EXPECT_EQ(run_program("fabric hgx-h100 --chips 0").code, 2);
  const ProgramRun large = run_program("fabric hgx-a100 --chips 100000");
  EXPECT_EQ(large.code, 2);
  EXPECT_THAT(large.err, HasSubstr("leaf_ports"));
}

TEST(FabricCommand, RefusesFilesItCannotWrite) {
  const TempFolder folder;
  const ProgramRun is_folder = run_program(fmt::format("fabric hgx-h100 --svg '{}'", folder.path("")));
  EXPECT_EQ(is_folder.code, 2);
  EXPECT_THAT(is_folder.err, HasSubstr("is a folder"));
  EXPECT_EQ(run_program(fmt::format("fabric hgx-h100 --dot '{}'", folder.path("none/f.dot"))).code, 2);
  const std::string same = folder.path("same");
  const ProgramRun twice = run_program(fmt::format("fabric hgx-h100 --dot '{0}' --svg '{0}'", same));
  EXPECT_EQ(twice.code, 2);
  EXPECT_FALSE(std::filesystem::exists(same));
  EXPECT_EQ(run_program(fmt::format("fabric hgx-h100 --svg '{}' --load all2all", same)).code, 2);
  EXPECT_EQ(run_program(fmt::format("fabric hgx-h100 --svg '{}' --bytes 64", same)).code, 2);
}

}  // namespace
}  // namespace supernode
