// How a token that several experts chose travels, and what eager routing launches, by hand algebra.

#include "layer_program_fixture.hpp"
#include "workloads/unfused_traffic.hpp"

namespace supernode {
namespace {

constexpr double kBf16 = 2;

// 16 experts, top-4, over 4 ranks of 64 tokens whose experts are split over two more: 4 experts of half the width each.
PlanSpec split_plan(TokenDispatcher dispatcher) {
  PlanSpec plan = small_plan();
  plan.data_parallel = 8;
  plan.expert_parallel = 4, plan.expert_tensor_parallel = 2;
  plan.global_batch = 32;
  plan.routing.dispatcher = dispatcher;
  return plan;
}

double exchanged(const std::vector<Op>& ops, const std::string& name) {
  return find(ops, name, Op::Kind::kComm).call.bytes.value();
}

double rows_read(const std::vector<Op>& ops, const std::string& name) {
  return std::get<VectorKernel>(find(ops, name).kernel).read.value() / (kHidden * kBf16);
}

double rows_written(const std::vector<Op>& ops, const std::string& name) {
  return std::get<VectorKernel>(find(ops, name).kernel).written.value() / (kHidden * kBf16);
}

// 64 tokens become 256 rows in front of the exchange; the two ranks that share the experts gather 512, which are then
// ordered by expert.
TEST(TokenDispatcher, CopiesTravelOnceAnExpert) {
  const auto forward = layer_forward(small_moe_model(), split_plan(TokenDispatcher::kCopies), true);
  const Op& there = find(forward, "moe.dispatch", Op::Kind::kComm);
  EXPECT_EQ(there.call.op, CollectiveOp::kAllToAll);
  EXPECT_DOUBLE_EQ(there.call.bytes.value(), 4 * kBuffer);
  EXPECT_DOUBLE_EQ(exchanged(forward, "moe.combine"), 4 * kBuffer);
  EXPECT_DOUBLE_EQ(exchanged(forward, "moe.experts.gather"), 2 * 4 * kBuffer);
  EXPECT_DOUBLE_EQ(rows_read(forward, "moe.permute"), 64);
  EXPECT_DOUBLE_EQ(rows_written(forward, "moe.permute"), 256);
  EXPECT_DOUBLE_EQ(rows_read(forward, "moe.sort"), 512);
  EXPECT_DOUBLE_EQ(rows_written(forward, "moe.unsort"), 512);
  EXPECT_DOUBLE_EQ(rows_written(forward, "moe.unpermute"), 64);
  const auto all = names(forward);
  const auto place = [&](const char* name) { return std::find(all.begin(), all.end(), name) - all.begin(); };
  EXPECT_LT(place("moe.permute"), place("moe.dispatch"));
  EXPECT_LT(place("moe.combine"), place("moe.unpermute"));
}

// The four ranks gather 256 tokens, the two that share the experts 512, of which each rank copies its experts' rows.
TEST(TokenDispatcher, AllTokensAreGatheredAndOutputsReduceScattered) {
  const auto forward = layer_forward(small_moe_model(), split_plan(TokenDispatcher::kGather), true);
  EXPECT_EQ(find(forward, "moe.dispatch", Op::Kind::kComm).call.op, CollectiveOp::kAllGather);
  EXPECT_EQ(find(forward, "moe.combine", Op::Kind::kComm).call.op, CollectiveOp::kReduceScatter);
  EXPECT_DOUBLE_EQ(exchanged(forward, "moe.dispatch"), 4 * kBuffer);
  EXPECT_DOUBLE_EQ(exchanged(forward, "moe.experts.gather"), 2 * 4 * kBuffer);
  EXPECT_DOUBLE_EQ(rows_read(forward, "moe.permute"), 512);
  EXPECT_DOUBLE_EQ(rows_written(forward, "moe.permute"), 512);  // 64 x 4 choices x 2 peers
  const auto backward = layer_backward(small_moe_model(), split_plan(TokenDispatcher::kGather), true);
  EXPECT_EQ(find(backward, "moe.combine.backward", Op::Kind::kComm).call.op, CollectiveOp::kAllGather);
  EXPECT_EQ(find(backward, "moe.dispatch.backward", Op::Kind::kComm).call.op, CollectiveOp::kReduceScatter);
}

TEST(TokenDispatcher, TheExpertsDoTheSameWorkWhateverTheWay) {
  const double once = gemm_flops(layer_forward(small_moe_model(), split_plan(TokenDispatcher::kOnce), true));
  for (const TokenDispatcher other : {TokenDispatcher::kCopies, TokenDispatcher::kGather})
    EXPECT_EQ(gemm_flops(layer_forward(small_moe_model(), split_plan(other), true)), once);
}

TEST(TokenDispatcher, OneRankSortsNothing) {
  PlanSpec plan = small_plan();
  plan.routing.dispatcher = TokenDispatcher::kCopies;
  const auto all = names(layer_forward(small_moe_model(), plan, true));
  EXPECT_THAT(all, ::testing::Contains("moe.permute"));
  EXPECT_THAT(all, ::testing::Not(::testing::Contains("moe.sort")));
}

std::size_t count_of(const std::vector<Op>& ops, const std::string& name) {
  const auto all = names(ops);
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), name));
}

// Four experts on the rank: four products each way, of one group, and an activation each.
TEST(UnfusedExperts, AreMultipliedOneByOne) {
  PlanSpec plan = split_plan(TokenDispatcher::kOnce);
  const double grouped = gemm_flops(layer_forward(small_moe_model(), plan, true));
  plan.fused.experts = false;
  const auto forward = layer_forward(small_moe_model(), plan, true),
             backward = layer_backward(small_moe_model(), plan, true);
  EXPECT_EQ(count_of(forward, "moe.experts.up"), 4u);
  EXPECT_EQ(count_of(forward, "moe.experts.activation"), 4u);
  EXPECT_EQ(count_of(backward, "moe.experts.down.wgrad"), 4u);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "moe.experts.up").kernel).groups, 1);
  EXPECT_EQ(gemm_flops(forward), grouped);
}

// Maps are [64 tokens, 16 experts] in fp32, two read and one written a kernel.
TEST(UnfusedRouting, RunsAChainOfKernelsOverMaps) {
  PlanSpec plan = split_plan(TokenDispatcher::kCopies);
  plan.fused.routing = false;
  const auto forward = layer_forward(small_moe_model(), plan, true),
             backward = layer_backward(small_moe_model(), plan, true);
  EXPECT_EQ(count_of(forward, "moe.topk"), static_cast<std::size_t>(kUnfusedChoice.forward));
  EXPECT_EQ(count_of(backward, "moe.topk.backward"), static_cast<std::size_t>(kUnfusedChoice.backward));
  EXPECT_EQ(count_of(forward, "moe.permute.map"), static_cast<std::size_t>(kUnfusedPermutation.forward));
  EXPECT_EQ(count_of(forward, "moe.unpermute.map"), static_cast<std::size_t>(kUnfusedUnpermutation.forward));
  const auto map = std::get<VectorKernel>(find(forward, "moe.permute.map").kernel);
  EXPECT_DOUBLE_EQ(map.read.value(), 2 * 64 * 16 * 4);
  EXPECT_DOUBLE_EQ(map.written.value(), 64 * 16 * 4);
}

TEST(TokenDispatcher, IsReadByItsName) {
  Diagnostics diagnostics;
  const PlanSpec plan = read_plan(
      "global_batch: 4\nsequence_length: 64\nrouting: {dispatcher: gather}\nfused: {experts: false, routing: false}\n",
      diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(plan.routing.dispatcher, TokenDispatcher::kGather);
  EXPECT_FALSE(plan.fused.experts);
  EXPECT_FALSE(plan.fused.routing);
  EXPECT_EQ(to_string(TokenDispatcher::kCopies), "copies");
}

}  // namespace
}  // namespace supernode
