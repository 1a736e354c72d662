#include "base/yaml.hpp"

#include <gtest/gtest.h>

namespace supernode {
namespace {

std::shared_ptr<const SourceFile> file_of(std::string text) {
  return std::make_shared<SourceFile>(SourceFile{"t.yaml", std::move(text)});
}

YamlNode parse(const std::string& text, Diagnostics& diagnostics) { return parse_yaml(file_of(text), diagnostics); }

std::string errors_of(const std::string& text) {
  Diagnostics diagnostics;
  parse(text, diagnostics);
  return diagnostics.render();
}

TEST(Yaml, KeepsPositionsOfKeysAndValues) {
  Diagnostics diagnostics;
  const YamlNode root = parse("a: 1\nb:\n  c: two\n  d: [x, y]\n", diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  const YamlNode* c = root.find("b")->find("c");
  EXPECT_EQ(to_string(c->position), "t.yaml:3:6");
  EXPECT_EQ(to_string(root.entries[1].key_position), "t.yaml:2:1");
  EXPECT_EQ(root.find("b")->find("d")->items[1].scalar, "y");
}

TEST(Yaml, KeepsTextAsWritten) {
  Diagnostics diagnostics;
  const YamlNode root = parse("a: no\nb: 010\nc: \"5\"\nd: 5\n", diagnostics);
  EXPECT_EQ(root.find("a")->scalar, "no");
  EXPECT_EQ(root.find("b")->scalar, "010");
  EXPECT_TRUE(root.find("c")->quoted);
  EXPECT_FALSE(root.find("d")->quoted);
}

TEST(Yaml, RefusesDuplicateKeysWithBothPlaces) {
  const std::string text = errors_of("a: 1\nb: 2\na: 3\n");
  EXPECT_NE(text.find("t.yaml:3:1: error: duplicate key 'a', first on line 1"), std::string::npos) << text;
}

TEST(Yaml, RefusesWhatIsNoSingleTextDocument) {
  EXPECT_NE(errors_of("").find("is empty"), std::string::npos);
  EXPECT_NE(errors_of("# only a comment\n").find("is empty"), std::string::npos);
  EXPECT_NE(errors_of(std::string("a\0b", 3)).find("is not text"), std::string::npos);
  EXPECT_NE(errors_of("a: \xff\xfe\n").find("is not text"), std::string::npos);
  EXPECT_NE(errors_of("a: 1\n---\nb: 2\n").find("second document"), std::string::npos);
  EXPECT_NE(errors_of(std::string((16u << 20) + 1, ' ')).find("larger than 16 MiB"), std::string::npos);
  EXPECT_NE(errors_of("a: [1, 2\n").find("t.yaml:"), std::string::npos);
  EXPECT_NE(errors_of("[a, b]: 1\n").find("must be a plain word"), std::string::npos);
}

TEST(Yaml, ExpandsAliasesButNotIntoThemselvesNorWithoutBound) {
  Diagnostics diagnostics;
  const YamlNode root = parse("a: &x {k: 1}\nb: *x\n", diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(root.find("b")->find("k")->scalar, "1");
  EXPECT_NE(errors_of("a: &x [*x]\n").find("alias"), std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? ", " : "") + last;
    bomb += "]\n";
  }
  EXPECT_NE(errors_of(bomb).find("too many nodes"), std::string::npos);
}

TEST(Yaml, MergesMapsAndReplacesTheRest) {
  Diagnostics d;
  const YamlNode merged = merge_yaml(parse("a: {x: 1, y: 2}\nb: [1, 2]\n", d), parse("a: {y: 3, z: 4}\nb: [5]\n", d));
  EXPECT_EQ(emit_yaml(merged), "a:\n  x: 1\n  y: 3\n  z: 4\nb:\n  - 5\n");
}

TEST(Yaml, AScalarOverACatalogueValueBecomesTheUsers) {
  Diagnostics d;
  const YamlNode base = parse("bw: {value: 392 GB/s, source: paper, confidence: datasheet}\n", d);
  const YamlNode merged = merge_yaml(base, parse("bw: 196 GB/s\n", d));
  EXPECT_EQ(merged.find("bw")->find("value")->scalar, "196 GB/s");
  EXPECT_EQ(merged.find("bw")->find("confidence")->scalar, "user");
  EXPECT_EQ(merged.find("bw")->find("source")->scalar, "set at t.yaml:1:5");
}

TEST(Yaml, SetsByPath) {
  Diagnostics d;
  YamlNode root = parse("plan: {tp: 1}\n", d);
  set_yaml_path(root, "plan.tp", "8", d);
  set_yaml_path(root, "system.fabric.scale_up.bandwidth", "196 GB/s", d);
  EXPECT_EQ(root.find("plan")->find("tp")->scalar, "8");
  EXPECT_EQ(root.find("system")->find("fabric")->find("scale_up")->find("bandwidth")->scalar, "196 GB/s");
  EXPECT_FALSE(d.has_errors());
  set_yaml_path(root, "fit.\"gemm.bf16\".x", "2", d);
  EXPECT_EQ(root.find("fit")->find("gemm.bf16")->find("x")->scalar, "2");
  EXPECT_FALSE(d.has_errors());
  set_yaml_path(root, "a..b", "1", d);
  EXPECT_TRUE(d.has_errors());
}

TEST(Yaml, EmitsControlCharactersEscaped) {
  Diagnostics d;
  const YamlNode root = parse("a: \"x\\a\\ty\"\n", d);
  EXPECT_EQ(emit_yaml(root), "a: \"x\\x07\\x09y\"\n");
  EXPECT_EQ(parse(emit_yaml(root), d).find("a")->scalar, "x\a\ty");
}

TEST(Yaml, EmitsWhatItParses) {
  Diagnostics d;
  const std::string text = "a: \"x: y\"\nb: 392 GB/s\nc:\n  - d: \"1\"\n    e: true\n  - 2\nf: {}\n";
  const YamlNode root = parse(text, d);
  const std::string once = emit_yaml(root);
  EXPECT_EQ(emit_yaml(parse(once, d)), once);
  EXPECT_FALSE(d.has_errors()) << d.render() << once;
}

}  // namespace
}  // namespace supernode
