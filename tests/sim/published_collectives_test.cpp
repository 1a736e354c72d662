// Published collectives against the catalogue's protocols: the accuracy asked of the fabric, with a little slack. The
// table of the repository always; all published rows where they are at hand.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

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

const std::vector<CollectiveProtocol>& protocols() {
  static const std::vector<CollectiveProtocol> all = [] {
    std::vector<CollectiveProtocol> read;
    for (const EmbeddedFile& f : protocol_catalog())
      read.push_back(catalogue_entry<CollectiveProtocol>(protocol_catalog(), f.name));
    return read;
  }();
  return all;
}

// Systems and libraries of the catalogue, by the names in the rows.
std::vector<CollectivePrediction> predicted(const Rows& rows) {
  const auto system = [](const std::string& name) {
    const auto known = std::ranges::any_of(system_catalog(), [&](const EmbeddedFile& f) { return f.name == name; });
    return known ? std::optional(catalogue_entry<SystemSpec>(system_catalog(), name)) : std::nullopt;
  };
  return predict_collectives({system, [](const auto& row) { return protocol_of_row(protocols(), row); }}, rows);
}

bool mentions(const CollectiveTraceRow& row, std::string_view word) { return row.note.find(word) != std::string::npos; }

// |predicted / measured - 1| of the rows that `wanted` admits.
std::vector<double> errors(const Rows& rows, const std::function<bool(const CollectiveTraceRow&)>& wanted) {
  Rows asked;
  std::ranges::copy_if(rows, std::back_inserter(asked), wanted);
  std::vector<double> found;
  for (const CollectivePrediction& p : predicted(asked))
    if (p.skipped.empty()) found.push_back(std::abs(p.ratio() - 1));
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
    const std::vector<double> of = errors(rows, [&](const CollectiveTraceRow& row) {
      return row.system == r.system && row.ranks == r.ranks && row.software == r.library &&
             std::ranges::count(r.ops, row.op) > 0 && row.bytes.value_or(Bytes{}) >= 1_MiB &&
             !mentions(row, "devices/node") && !mentions(row, "torch_npu");
    });
    EXPECT_FALSE(of.empty()) << r.system;
    EXPECT_LE(quantile(of, 0.5), 0.1) << r.system << " x" << r.ranks;
  }
}

void expect_expert_exchanges(const Rows& rows) {
  for (const std::string system : {"hgx-h800", "cloudmatrix-384"}) {
    const std::vector<double> of = errors(rows, [&](const CollectiveTraceRow& row) {
      const bool exchange = row.software == "deepep" || row.software == "cann-ep";
      return row.system == system && exchange && !mentions(row, "reported") && !mentions(row, "V2");
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
  const MemoryAccess access =
      catalogue_entry<CollectiveProtocol>(protocol_catalog(), "hccl-cloudmatrix-384").memory_access;
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

// Kernels of TensorRT-LLM over 2 to 32 GPUs of an NVL72, 128 tokens a rank: each.
TEST(PublishedCollectives, ExpertExchangesOverNvlink) {
  const std::vector<double> of =
      errors(collectives(kTable), [](const auto& r) { return r.software == "trtllm-alltoall"; });
  EXPECT_FALSE(of.empty());
  for (const double error : of) EXPECT_LE(error, 0.15);
}

// What is asked of each class, all rows of catalogued systems counted, and that nine tenths are within 1.645
// deviations.
TEST(PublishedCollectives, ClassesMeetTheirTargetsOverAllRows) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no " << kReference.filename() << " beside the repository";
  const Rows rows = collectives(kReference);
  std::map<CollectiveClass, std::vector<double>> of;
  double inside = 0, all = 0;
  for (const CollectivePrediction& p : predicted(rows)) {
    if (rows[p.row].system == "unknown") continue;
    ASSERT_EQ(p.skipped, "") << rows[p.row].system << ' ' << rows[p.row].note;
    of[collective_class(rows[p.row])].push_back(std::abs(p.ratio() - 1));
    inside += std::abs(p.predicted.value() - p.measured.value()) <= 1.645 * p.deviation.value();
    ++all;
  }
  EXPECT_LE(quantile(of[CollectiveClass::kBelowMebibyte], 0.5), 0.2);
  EXPECT_LE(quantile(of[CollectiveClass::kFromMebibyte], 0.5), 0.1);
  EXPECT_LE(quantile(of[CollectiveClass::kFromMebibyte], 0.9), 0.3);
  EXPECT_LE(quantile(of[CollectiveClass::kExpertExchange], 0.5), 0.12);
  EXPECT_LE(quantile(of[CollectiveClass::kMemoryAccess], 1), 0.05);
  EXPECT_GE(inside / all, 0.8);
  EXPECT_LE(inside / all, 0.97);
}

}  // namespace
}  // namespace supernode
