#include "scenarios/csv_text.hpp"

#include <gtest/gtest.h>

namespace supernode {
namespace {

TEST(CsvText, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"b\""), "\"say \"\"b\"\"\"");
}

// An empty cell keeps its place, the first one too.
TEST(CsvText, EmptyCellsKeepTheirPlace) {
  EXPECT_EQ(csv_text({"a", "b", "c"}, {{{"a", nullptr}, {"b", 2}, {"c", "x"}}, {{"a", 1}, {"b", nullptr}, {"c", ""}}}),
            "a,b,c\n,2,x\n1,,\n");
}

}  // namespace
}  // namespace supernode
