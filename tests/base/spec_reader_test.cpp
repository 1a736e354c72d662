#include "base/spec_reader.hpp"

#include <gtest/gtest.h>

namespace supernode {
namespace {

using namespace literals;

enum class Colour { kRed, kGreen };
constexpr Choice<Colour> kColours[] = {{"red", Colour::kRed}, {"green", Colour::kGreen}};

struct Spec {
  std::int64_t count = 1;
  double ratio = 0.5;
  bool flag = false;
  Colour colour = Colour::kRed;
  BytesPerSecond bandwidth{};
  Sourced<Bytes> memory;
};

void bind(Spec& spec, SpecReader& r) {
  r.integer({"count", "how many", kRequired}, spec.count, {.min = 1, .max = 8});
  r.number({"ratio", "a share"}, spec.ratio, {.min = 0, .max = 1});
  r.boolean({"flag", "whether"}, spec.flag);
  r.choice<Colour>({"colour", "which"}, spec.colour, kColours);
  r.object({"link", "the link"}, [&](SpecReader& inner) {
    inner.quantity({"bandwidth", "per direction"}, spec.bandwidth);
  });
  r.sourced({"memory", "per device"}, spec.memory);
}

struct Read {
  Spec spec;
  std::string errors;
  int count = 0;
};

Read read(std::string text) {
  Read out;
  Diagnostics d;
  const YamlNode root = parse_yaml(std::make_shared<SourceFile>(SourceFile{"s.yaml", std::move(text)}), d);
  SpecReader reader(root, "", d);
  bind(out.spec, reader);
  reader.finish();
  out.errors = d.render();
  out.count = d.error_count();
  return out;
}

TEST(SpecReader, ReadsEachKind) {
  const Read r = read(
      "count: 3\nratio: 0.25\nflag: true\ncolour: green\nlink: {bandwidth: 392 GB/s}\n"
      "memory: {value: 64 GiB, source: paper, confidence: datasheet}\n");
  EXPECT_EQ(r.count, 0) << r.errors;
  EXPECT_EQ(r.spec.count, 3);
  EXPECT_EQ(r.spec.colour, Colour::kGreen);
  EXPECT_EQ(r.spec.bandwidth, 392_GBps);
  EXPECT_EQ(r.spec.memory.value, 64_GiB);
  EXPECT_EQ(r.spec.memory.confidence, Confidence::kDatasheet);
}

TEST(SpecReader, ReportsEveryErrorOfAFileAtOnce) {
  const Read r = read("count: 9\nratio: x\nflag: yes\ncolour: gren\nlink: {bandwith: 392 GB/s}\nmemory: 64 GiB/s\n");
  EXPECT_EQ(r.count, 6) << r.errors;
  for (const char* part :
       {"s.yaml:1:8: error: count must be from 1 to 8, not 9", "s.yaml:2:8: error: ratio must be a number, not 'x'",
        "flag must be true or false, not 'yes'", "did you mean 'green'?",
        "unknown key 'bandwith' in link; did you mean 'bandwidth'?", "'GiB/s' is a unit of bandwidth, not of data"})
    EXPECT_NE(r.errors.find(part), std::string::npos) << part << "\n" << r.errors;
}

TEST(SpecReader, ShowsTheLineWithACaret) {
  const Read r = read("count: nine\n");
  EXPECT_NE(r.errors.find("     1 | count: nine\n       |        ^\n"), std::string::npos) << r.errors;
}

TEST(SpecReader, NamesWhatIsMissing) {
  EXPECT_NE(read("ratio: 0.5\n").errors.find("count is missing: how many"), std::string::npos);
  EXPECT_NE(read("count:\n").errors.find("count has no value"), std::string::npos);
  EXPECT_NE(read("count: 1\nmemory: {value: 1 GiB}\n").errors.find("memory.source is missing"), std::string::npos);
}

TEST(SpecReader, RefusesNumbersThatAreNone) {
  for (const char* text : {"count: 1.5\n", "count: 1e3\n", "count: 0x10\n", "count: '1 2'\n", "count: 1\nratio: nan\n",
                           "count: 1\nratio: inf\n"})
    EXPECT_EQ(read(text).count, 1) << text;
}

TEST(SpecReader, DocumentsItself) {
  std::vector<FieldDoc> docs;
  SpecReader reader("plan", docs);
  Spec spec;
  bind(spec, reader);
  ASSERT_EQ(docs.size(), 7u);
  EXPECT_EQ(docs[0].path, "plan.count");
  EXPECT_EQ(docs[0].default_value, "");
  EXPECT_EQ(docs[3].type, "one of red | green");
  EXPECT_EQ(docs[5].path, "plan.link.bandwidth");
}

}  // namespace
}  // namespace supernode
