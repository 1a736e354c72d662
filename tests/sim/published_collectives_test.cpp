// Published collectives against the catalogue's protocols: the accuracy asked of the fabric, with a little slack. The
// table of the repository always; all published rows where they are at hand.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "calibration/robust_fit.hpp"
#include "sim/memory_rows.hpp"
#include "sim/protocol_prediction.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/random_step.hpp"

namespace supernode {
namespace {

using namespace test;
using namespace literals;
using Rows = std::vector<CollectiveTraceRow>;

SourceFile file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {path.string(), std::string(std::istreambuf_iterator<char>(stream), {})};
}

const std::filesystem::path kRoot = SUPERNODE_SOURCE_DIR;
const std::filesystem::path kTable = kRoot / "calibration/published/collectives.csv";
const std::filesystem::path kReference = kRoot.parent_path() / "shared/reference/collectives.csv";

Rows collectives(const std::filesystem::path& path) {
  Diagnostics diagnostics;
  const auto rows = read_collective_trace(file(path), diagnostics);
  EXPECT_TRUE(rows && !diagnostics.has_errors()) << diagnostics.render();
  return *rows;
}

CollectiveProtocol protocol_of(const std::string& name) {
  return catalogue_entry<CollectiveProtocol>(protocol_catalog(), name);
}

bool mentions(const CollectiveTraceRow& row, std::string_view word) { return row.note.find(word) != std::string::npos; }

// |predicted / measured - 1| of the rows of a system that `wanted` admits.
std::vector<double> errors(const std::string& system, const std::string& library, const Rows& rows,
                           const std::function<bool(const CollectiveTraceRow&)>& wanted) {
  Rows asked;
  for (const CollectiveTraceRow& row : rows)
    if (row.system == system && wanted(row)) asked.push_back(row);
  const SystemSpec spec = catalogue_entry<SystemSpec>(system_catalog(), system);
  std::vector<double> found;
  for (const auto& p : predict_collectives(spec, protocol_of(library + "-" + system), asked))
    found.push_back(std::abs(p.ratio() - 1));
  return found;
}

struct Reductions {
  std::string system, library;
  std::int64_t ranks;
  std::vector<CollectiveOp> ops;
};

const std::vector<Reductions> kReductions = {
    {"hgx-a100", "nccl", 8, {CollectiveOp::kAllReduce}},
    {"hgx-h100", "nccl", 8, {CollectiveOp::kAllReduce}},
    {"hgx-b200", "nccl", 8, {CollectiveOp::kAllReduce}},
    {"gb200-nvl72", "nccl", 72, {CollectiveOp::kAllReduce}},
    {"atlas-800t-a2", "hccl", 8, {CollectiveOp::kAllReduce}},
    {"cloudmatrix-384", "hccl", 16, {CollectiveOp::kAllGather, CollectiveOp::kReduceScatter}},
};

void expect_reductions(const Rows& rows) {
  for (const Reductions& r : kReductions) {
    const std::vector<double> of = errors(r.system, r.library, rows, [&](const CollectiveTraceRow& row) {
      return row.ranks == r.ranks && row.software == r.library && std::ranges::count(r.ops, row.op) > 0 &&
             row.bytes.value_or(Bytes{}) >= 1_MiB && !mentions(row, "devices/node") && !mentions(row, "torch_npu");
    });
    EXPECT_FALSE(of.empty()) << r.system;
    EXPECT_LE(quantile(of, 0.5), 0.1) << r.system << " x" << r.ranks;
  }
}

void expect_expert_exchanges(const Rows& rows) {
  for (const auto& [system, library] : {std::pair("hgx-h800", "nccl"), std::pair("cloudmatrix-384", "hccl")}) {
    const std::vector<double> of = errors(system, library, rows, [](const CollectiveTraceRow& row) {
      return (row.software == "deepep" || row.software == "cann-ep") && !mentions(row, "reported");
    });
    EXPECT_FALSE(of.empty()) << system;
    for (const double error : of) EXPECT_LE(error, 0.15) << system;
  }
}

void expect_memory_access(const std::filesystem::path& path) {
  Diagnostics diagnostics;
  const auto rows = read_memory_trace(file(path), diagnostics);
  ASSERT_TRUE(rows && !diagnostics.has_errors()) << diagnostics.render();
  const SystemSpec spec = catalogue_entry<SystemSpec>(system_catalog(), "cloudmatrix-384");
  const MemoryAccess access = protocol_of("hccl-cloudmatrix-384").memory_access;
  const std::vector<MemoryRow> ours = memory_rows(spec, *rows);
  EXPECT_EQ(ours.size(), 16u);
  for (const MemoryRow& row : ours) EXPECT_NEAR(predicted_over_measured(access, row), 1, 0.05);
}

TEST(PublishedCollectives, ReductionsOfTheTable) { expect_reductions(collectives(kTable)); }
TEST(PublishedCollectives, ExpertExchangesOfTheTable) { expect_expert_exchanges(collectives(kTable)); }
TEST(PublishedCollectives, LoadsAndStoresOfTheTable) { expect_memory_access(kTable); }

TEST(PublishedCollectives, AllRows) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no " << kReference.filename() << " beside the repository";
  const Rows rows = collectives(kReference);
  expect_reductions(rows);
  expect_expert_exchanges(rows);
  expect_memory_access(kReference);
}

// Two-sided kernels of TensorRT-LLM over 2 to 32 GPUs of an NVL72, 128 tokens a rank: each.
TEST(PublishedCollectives, ExpertExchangesOverNvlink) {
  const Rows rows = collectives(kTable);
  for (const CollectiveOp op : {CollectiveOp::kEpDispatch, CollectiveOp::kEpCombine}) {
    const auto of_op = [&](const CollectiveTraceRow& row) { return row.software == "trtllm-alltoall" && row.op == op; };
    const std::vector<double> of = errors("gb200-nvl72", "nccl", rows, of_op);
    EXPECT_FALSE(of.empty());
    for (const double error : of) EXPECT_LE(error, 0.15) << to_string(op);
  }
}

// The same at 1 to 32768 tokens, dispatched in three precisions.
TEST(PublishedCollectives, ExpertExchangesOverNvlinkOfAllRows) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no " << kReference.filename() << " beside the repository";
  const Rows rows = collectives(kReference);
  for (const CollectiveOp op : {CollectiveOp::kEpDispatch, CollectiveOp::kEpCombine})
    for (const std::int64_t ranks : {2, 4, 8, 32}) {
      const std::vector<double> of = errors("gb200-nvl72", "nccl", rows, [&](const CollectiveTraceRow& row) {
        return row.software == "trtllm-alltoall" && row.op == op && row.ranks == ranks && mentions(row, "TwoSided");
      });
      EXPECT_FALSE(of.empty());
      EXPECT_LE(quantile(of, 0.5), 0.15) << to_string(op) << " x" << ranks;
      EXPECT_LE(quantile(of, 1), 0.25) << to_string(op) << " x" << ranks;
    }
}

}  // namespace
}  // namespace supernode
