// No prediction may rest on which run is looked at: no text in the sources names a published run, a model or a model's
// size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "calibration/csv_table.hpp"
#include "scenarios/catalogue.hpp"

namespace supernode {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SUPERNODE_SOURCE_DIR;

// Where a model's name may stand, and why.
const std::vector<std::pair<std::string, std::string>> kAllowed = {
    {"scenarios/import_families.cpp",
     "says which entry of the model catalogue a name stands for, that is, which published architecture; it holds no "
     "time and no efficiency"},
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Ids and model names of the shipped published runs, and the names of the model catalogue.
std::set<std::string> forbidden_names() {
  Diagnostics diagnostics;
  const auto path = kRoot / "calibration/published/training_runs.csv";
  const auto table = CsvTable::parse({path.string(), read(path)}, {}, diagnostics);
  std::set<std::string> names;
  for (const CsvRow& row : table->rows())
    for (const char* column : {"id", "model"}) names.insert(lower(std::string(row.text(column))));
  for (const std::string& name : catalogue_names(CatalogueKind::kModel)) names.insert(lower(name));
  return names;
}

struct Literal {
  std::string text;
  int line = 0;
};

// String literals outside comments; character literals and raw strings do not occur around quotes here.
std::vector<Literal> literals_of(const std::string& source) {
  static const std::regex kLiteral(R"re("((?:[^"\\]|\\.)*)")re");
  std::vector<Literal> found;
  std::istringstream stream(source);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    const auto first = line.find_first_not_of(' ');
    if (first == std::string::npos || line[first] == '#' || line.compare(first, 2, "//") == 0) continue;
    for (std::sregex_iterator at(line.begin(), line.end(), kLiteral), end; at != end; ++at)
      found.push_back({lower((*at)[1]), number});
  }
  return found;
}

// A message or a citation: four words or more. What is compared with a table's cell is shorter.
bool is_prose(const std::string& text) { return std::count(text.begin(), text.end(), ' ') >= 3; }

// "70b", "8x7b", "1.3b" as a word; the chips 910B and A100-40GB are none.
bool names_a_size(const std::string& text) {
  static const std::regex kSize(R"((^|[^a-z0-9.])(\d+x)?\d+(\.\d+)?b($|[^a-z0-9]))");
  const std::string without_chip = std::regex_replace(text, std::regex("910b"), "910");
  return std::regex_search(without_chip, kSize);
}

std::string offence(const std::string& text, const std::set<std::string>& names) {
  if (is_prose(text)) return "";
  if (names_a_size(text)) return "a model's size";
  for (const std::string& name : names)
    if (name.size() > 3 && text.find(name) != std::string::npos) return "'" + name + "'";
  return "";
}

std::vector<fs::path> model_code() {
  std::vector<fs::path> files;
  for (const char* folder : {"base", "topology", "calibration", "workloads", "sim", "scenarios", "tools"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") files.push_back(entry.path());
  return files;
}

TEST(Literals, NameNoPublishedRunNoModelAndNoSize) {
  const auto names = forbidden_names();
  ASSERT_GT(names.size(), 60u);
  for (const fs::path& file : model_code()) {
    const std::string path = file.lexically_relative(kRoot).string();
    const bool allowed =
        std::any_of(kAllowed.begin(), kAllowed.end(), [&](const auto& each) { return each.first == path; });
    if (allowed) continue;
    for (const Literal& literal : literals_of(read(file)))
      EXPECT_EQ(offence(literal.text, names), "") << path << ":" << literal.line << ": \"" << literal.text << '"';
  }
}

TEST(Literals, TheTestFindsThem) {
  const auto names = forbidden_names();
  EXPECT_NE(offence("llama2_70b_lora", names), "");
  EXPECT_NE(offence("nv-megascale-175b-a100x256", names), "");
  EXPECT_NE(offence("deepseek-v3 tech", names), "");
  EXPECT_NE(offence("8x22b", names), "");
  EXPECT_EQ(offence("ascend-910b-313t", names), "");
  EXPECT_EQ(offence("a100-40gb", names), "");
  EXPECT_EQ(offence("all-reduce", names), "");
  EXPECT_THAT(literals_of("call(\"one\", 'x'); // \"two\"\n// \"three\"\n").front().text, "one");
}

}  // namespace
}  // namespace supernode
