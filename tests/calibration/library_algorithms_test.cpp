#include "calibration/library_algorithms.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace supernode {
namespace {

using enum CollectiveOp;
using testing::HasSubstr;

LibraryAlgorithms read(const std::string& text, Diagnostics& diagnostics) {
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"l.yaml", text}), diagnostics);
  LibraryAlgorithms library;
  SpecReader reader(node, "", diagnostics);
  bind_algorithms(library, "algorithms", reader);
  reader.finish();
  return library;
}

std::string errors_of(const std::string& text) {
  Diagnostics diagnostics;
  read(text, diagnostics);
  return diagnostics.render();
}

TEST(LibraryAlgorithms, RestrictOnlyTheOperationsTheyName) {
  Diagnostics diagnostics;
  const LibraryAlgorithms library = read("algorithms: {all_gather: [ring], all_to_all: [direct]}\n", diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_TRUE(allows(library, kAllGather, "ring"));
  EXPECT_FALSE(allows(library, kAllGather, "hierarchical"));
  EXPECT_FALSE(allows(library, kAllToAll, "pairwise"));
  EXPECT_TRUE(allows(library, kReduceScatter, "hierarchical"));
  EXPECT_FALSE(allows(library, kEpDispatch, "pairwise"));
}

TEST(LibraryAlgorithms, MayBeLeftOut) {
  Diagnostics diagnostics;
  EXPECT_TRUE(read("{}\n", diagnostics).empty());
  EXPECT_FALSE(diagnostics.has_errors());
}

TEST(LibraryAlgorithms, EmittedTextReadsBack) {
  const LibraryAlgorithms library = {{kAllReduce, {"ring", "tree"}}, {kSendRecv, {"send_recv"}}};
  Diagnostics diagnostics;
  EXPECT_EQ(read(emit_algorithms(library, "algorithms"), diagnostics), library);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(emit_algorithms({}, "algorithms"), "");
}

TEST(LibraryAlgorithms, UnknownOperationIsAnErrorWithASuggestion) {
  const std::string text = errors_of("algorithms: {all_gahter: [ring]}\n");
  EXPECT_THAT(text, HasSubstr("unknown operation 'all_gahter'; did you mean 'all_gather'?"));
  EXPECT_THAT(text, HasSubstr("l.yaml:1:"));
}

// The position is that of the wrong name, not of the list.
TEST(LibraryAlgorithms, UnknownAlgorithmIsAnErrorWhereItStands) {
  const std::string text = errors_of("algorithms:\n  all_gather: [ring, halving_dubling]\n");
  EXPECT_THAT(text, HasSubstr("l.yaml:2:22"));
  EXPECT_THAT(text, HasSubstr("all_gather has no algorithm 'halving_dubling'; did you mean 'halving_doubling'?"));
}

TEST(LibraryAlgorithms, AnAlgorithmOfAnotherOperationIsAnError) {
  EXPECT_THAT(errors_of("algorithms: {all_gather: [ring, nvls]}\n"), HasSubstr("all_gather has no algorithm 'nvls'"));
}

// A tree needs three ranks, so a library of trees alone could not reduce over two.
TEST(LibraryAlgorithms, AListMustServeEveryGroup) {
  EXPECT_THAT(errors_of("algorithms: {all_reduce: [tree]}\n"), HasSubstr("runs over any group; add 'ring'"));
  EXPECT_THAT(errors_of("algorithms: {all_to_all: []}\n"), HasSubstr("add 'direct' or 'pairwise'"));
}

}  // namespace
}  // namespace supernode
