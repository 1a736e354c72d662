// Tables as people's tools write them: quotes, line ends, byte order marks; and what is wrong with one.
#include "calibration/csv_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibration/other_chips.hpp"
#include "calibration/trace_check.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kColumns = {"a", "b"};

std::string problems(const std::string& text) {
  Diagnostics diagnostics;
  CsvTable::parse({"t.csv", text}, kColumns, diagnostics);
  return diagnostics.render();
}

TEST(CsvTable, ReadsByteOrderMarksCarriageReturnsAndQuotes) {
  Diagnostics diagnostics;
  const auto table =
      CsvTable::parse({"t.csv", "\xEF\xBB\xBF\"a\",b\r\n1,\"x, \"\"y\"\"\"\r\n\r\n2,\r\n"}, kColumns, diagnostics);
  ASSERT_TRUE(table) << diagnostics.render();
  ASSERT_EQ(table->rows().size(), 2u);
  EXPECT_EQ(table->rows()[0].text("b"), "x, \"y\"");
  EXPECT_EQ(table->rows()[1].text("b"), "");
  EXPECT_EQ(table->rows()[1].position().line, 4);
  EXPECT_EQ(table->header(), kColumns);
}

TEST(CsvTable, QuotesThatDoNotCloseAreErrors) {
  EXPECT_THAT(problems("a,b\n1,\"x\n2,3\n"), HasSubstr("t.csv:2:3: error: the quote is not closed on this line"));
  EXPECT_THAT(problems("a,b\n\"1\"x,2\n"), HasSubstr("t.csv:2:1: error: text behind a closing quote"));
}

TEST(CsvTable, ColumnsStandOnce) {
  EXPECT_THAT(problems("a,b,a\n1,2,3\n"), HasSubstr("t.csv:1:1: error: column 'a' stands twice"));
  EXPECT_THAT(problems("a,bb\n"), HasSubstr("missing column 'b'; did you mean 'bb'?"));
  EXPECT_THAT(problems(""), HasSubstr("t.csv: error: no header line"));
}

TEST(CsvTable, LinesOfAnotherWidthAreCounted) {
  Diagnostics diagnostics;
  const auto table = CsvTable::parse({"t.csv", "a,b\n1\n1,2\n1,2,3\n"}, kColumns, diagnostics);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->rows().size(), 1u);
  EXPECT_EQ(table->dropped(), 2);
  EXPECT_TRUE(BadRows(diagnostics).has(2));
  EXPECT_FALSE(BadRows(diagnostics).has(3));
}

// The text of what check_measured finds in one row of a and b.
std::string measured(const std::string& cells) {
  Diagnostics diagnostics;
  const auto table = CsvTable::parse({"t.csv", "a,b\n" + cells + "\n"}, kColumns, diagnostics);
  check_measured(table->rows().front(), "a", "b", diagnostics);
  return diagnostics.render();
}

TEST(TraceCheck, MeasuredFiguresAreNumbersAboveZero) {
  EXPECT_EQ(measured("1,2"), "");
  EXPECT_EQ(measured("1,"), "");
  EXPECT_EQ(measured(",2"), "");
  EXPECT_EQ(measured("1,0"), "");  // a rate of 0.00 beside a time is a rounded one
  EXPECT_THAT(measured("0,2"), HasSubstr("t.csv:2:1: error: column 'a': 0 is not above zero"));
  EXPECT_THAT(measured("-3,2"), HasSubstr("column 'a': -3 is not above zero"));
  EXPECT_THAT(measured(",0"), HasSubstr("t.csv:2:2: error: column 'b': 0 is not above zero"));
  EXPECT_THAT(measured("nan,2"), HasSubstr("column 'a': 'nan' is not a number"));
  EXPECT_THAT(measured("inf,2"), HasSubstr("column 'a': 'inf' is not a number"));
  EXPECT_THAT(measured("12 ms,2"), HasSubstr("column 'a': '12 ms' has a unit"));
  EXPECT_THAT(measured("12us,2"), HasSubstr("column 'a': '12us' has a unit"));
  EXPECT_THAT(measured(","), HasSubstr("a row needs a positive a or b"));
}

std::string unit_problems(const std::string& header) {
  Diagnostics diagnostics;
  check_units({"t.csv", header + "\n"}, {"time_us", "tflops"}, diagnostics);
  return diagnostics.render();
}

TEST(TraceCheck, AQuantityHasOneUnit) {
  EXPECT_EQ(unit_problems("chip,time_us,tflops,note,timestamp"), "");
  EXPECT_THAT(unit_problems("chip,time_us,time_ms"), HasSubstr("t.csv:1:14: error: column 'time_ms'"));
  EXPECT_THAT(unit_problems("chip,Time_s"), HasSubstr("column 'Time_s' gives in another unit what column 'time_us'"));
  EXPECT_THAT(unit_problems("chip,time"), HasSubstr("column 'time'"));
  EXPECT_THAT(unit_problems("time_us,gflops"), HasSubstr("column 'gflops'"));
}

TEST(OtherChips, AreNamesThatExist) {
  for (const char* name : {"MI300X", "mi210", "TPU v5p", "Gaudi2", "intel-gaudi-3", "L40S", "a100-pcie-80gb", "?",
                           "Ascend 910C? (unconfirmed)", "unknown"})
    EXPECT_TRUE(is_other_chip(name)) << name;
  for (const char* name : {"h10", "h100", "ascend-910", "b20", "", "gb20", "a100x"})
    EXPECT_FALSE(is_other_chip(name)) << name;
}

}  // namespace
}  // namespace supernode
