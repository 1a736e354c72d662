// The rules of the house that the compiler does not hold: includes point down, third-party names stay behind their
// walls, sizes stay readable.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// What each folder may include from.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {"base"}},
    {"topology", {"base", "topology"}},
    {"calibration", {"base", "calibration"}},
    {"workloads", {"base", "workloads"}},
    {"sim", {"base", "topology", "calibration", "workloads", "sim"}},
    {"scenarios", {"base", "topology", "calibration", "workloads", "sim", "scenarios"}},
    {"tools", {"base", "topology", "calibration", "workloads", "sim", "scenarios", "tools"}},
};

// Where a third-party header may appear: its first path component, and a pattern for the file's path.
const std::vector<std::pair<std::string, std::string>> kWalls = {
    {"yaml-cpp", "base/yaml.*"}, {"simgrid", "sim/.*(flow|simgrid).*"}, {"xbt", "sim/.*(flow|simgrid).*"},
    {"boost", "topology/.*"},    {"Eigen", "calibration/.*"},           {"unsupported", "calibration/.*"},
    {"CLI", "tools/cli.*"},      {"nlohmann", "(scenarios|tools)/.*"},
};

struct Source {
  std::string path;  // relative to the root
  std::vector<std::string> lines;
};

std::vector<Source> sources() {
  const fs::path root = SUPERNODE_SOURCE_DIR;
  std::vector<Source> list;
  for (const auto& [folder, allowed] : kMayInclude) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      Source source{entry.path().lexically_relative(root).string(), {}};
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) source.lines.push_back(line);
      list.push_back(std::move(source));
    }
  }
  return list;
}

std::vector<std::string> includes(const Source& source) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<std::string> list;
  for (const std::string& line : source.lines) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) list.push_back(match[1]);
  }
  return list;
}

std::string first_component(const std::string& path) { return path.substr(0, path.find('/')); }

TEST(SourceTree, IsRead) { EXPECT_GT(sources().size(), 50u); }

TEST(SourceTree, IncludesPointDown) {
  for (const Source& source : sources()) {
    const auto& allowed = kMayInclude.at(first_component(source.path));
    for (const std::string& include : includes(source)) {
      const std::string folder = first_component(include);
      if (!kMayInclude.contains(folder) || include.find('/') == std::string::npos) continue;
      EXPECT_TRUE(allowed.contains(folder)) << source.path << " includes " << include;
    }
  }
}

TEST(SourceTree, ThirdPartyNamesStayBehindTheirWalls) {
  for (const Source& source : sources()) {
    for (const std::string& include : includes(source)) {
      for (const auto& [library, where] : kWalls) {
        if (first_component(include) != library) continue;
        EXPECT_TRUE(std::regex_match(source.path, std::regex(where))) << source.path << " includes " << include;
      }
    }
  }
}

TEST(SourceTree, FilesStayReadable) {
  for (const Source& source : sources()) {
    // About 150 and 400 by the house style, with slack for a last function.
    const std::size_t limit = source.path.ends_with(".hpp") ? 170u : 480u;
    EXPECT_LE(source.lines.size(), limit) << source.path;
  }
}

}  // namespace
