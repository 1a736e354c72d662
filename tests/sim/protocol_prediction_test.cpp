// Which library a measured row is of, and what is said of rows that are not predicted.

#include "sim/protocol_prediction.hpp"

#include <gtest/gtest.h>

#include "tests/sim/collective_fixture.hpp"
#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace test;

CollectiveTraceRow row(const std::string& system, const std::string& software, const std::string& note) {
  CollectiveTraceRow row;
  row.system = system;
  row.software = software;
  row.note = note;
  row.ranks = 8;
  row.bytes = 1_MiB;
  row.time = 20_us;
  return row;
}

CollectiveProtocol protocol(const std::string& name, const std::string& system, MeasuredRows measured = {}) {
  CollectiveProtocol made{.name = name, .system = system, .fits = {}, .traces = ""};
  made.fits["scale_up.all_reduce"] = fit(5_us, 1_us, 0.8);
  made.measured = measured;
  return made;
}

const std::vector<CollectiveProtocol> kProtocols = {
    protocol("nccl", "hgx-h100"),
    protocol("kernels", "hgx-h100", {.software = {"custom"}, .note = {"two"}, .systems = {"hgx-h200"}}),
    protocol("close", "hgx-h100", {.software = {"custom"}, .note = {"two-sided"}}),
    protocol("nccl", "hgx-h200"),
};

std::string library(const CollectiveTraceRow& row) {
  const CollectiveProtocol* found = protocol_of_row(kProtocols, row);
  return found == nullptr ? "" : found->name + " " + found->system;
}

TEST(ProtocolOfRow, IsTheOneThatAsksTheMostClosely) {
  EXPECT_EQ(library(row("hgx-h100", "nccl", "two")), "nccl hgx-h100");
  EXPECT_EQ(library(row("hgx-h100", "custom", "two")), "kernels hgx-h100");
  EXPECT_EQ(library(row("hgx-h100", "custom", "two-sided")), "close hgx-h100");
  EXPECT_EQ(library(row("hgx-h100", "custom", "one")), "nccl hgx-h100");
}

TEST(ProtocolOfRow, ServesSystemsThatItNames) {
  EXPECT_EQ(library(row("hgx-h200", "custom", "two-sided")), "kernels hgx-h100");
  EXPECT_EQ(library(row("hgx-h200", "nccl", "")), "nccl hgx-h200");
  EXPECT_EQ(library(row("hgx-b200", "custom", "two")), "");
}

CollectiveBench bench() {
  return {[](const std::string& name) -> std::optional<SystemSpec> {
            return name.starts_with("hgx-") ? std::optional(load_system(name)) : std::nullopt;
          },
          [](const CollectiveTraceRow& row) { return protocol_of_row(kProtocols, row); }};
}

TEST(PredictCollectives, SaysWhyARowIsSkipped) {
  std::vector<CollectiveTraceRow> rows(5, row("hgx-h100", "nccl", ""));
  rows[0].system = "elsewhere";
  rows[1].system = "hgx-b200";
  rows[2].time.reset();
  rows[3].other_op = "p2p_bw";
  const auto found = predict_collectives(bench(), rows);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].skipped, "unknown system 'elsewhere'");
  EXPECT_EQ(found[1].skipped, "no communication library for 'hgx-b200'");
  EXPECT_EQ(found[2].skipped, "neither time nor rate");
  EXPECT_EQ(found[3].skipped, "no loads and stores are fitted for 'hgx-h100'");
  EXPECT_EQ(found[4].skipped, "");
  EXPECT_EQ(found[4].protocol, "nccl on hgx-h100");
  EXPECT_GT(found[4].predicted.value(), 0);
  EXPECT_NEAR(found[4].deviation / found[4].predicted, ProtocolDeviation::kUnknown, 0.05);
}

// Another system's library is less sure by kTransfer.
TEST(PredictCollectives, IsLessSureOfALentLibrary) {
  const auto found = predict_collectives(bench(), {row("hgx-h100", "custom", "two"), row("hgx-h200", "custom", "two")});
  EXPECT_NEAR(found[1].deviation / found[1].predicted,
              std::hypot(found[0].deviation / found[0].predicted, ProtocolDeviation::kTransfer), 1e-9);
}

TEST(CollectiveClass, IsBySizeUnlessTheSizeIsNotTheBuffers) {
  CollectiveTraceRow r = row("a", "b", "");
  EXPECT_EQ(collective_class(r), CollectiveClass::kFromMebibyte);
  r.bytes = Bytes(1048575);
  EXPECT_EQ(collective_class(r), CollectiveClass::kBelowMebibyte);
  r.bytes.reset();
  EXPECT_EQ(collective_class(r), CollectiveClass::kFromMebibyte);
  r.op = CollectiveOp::kEpCombine;
  EXPECT_EQ(to_string(collective_class(r)), "expert exchange");
}

}  // namespace
}  // namespace supernode
