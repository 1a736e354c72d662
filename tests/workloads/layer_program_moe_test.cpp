// The operations of latent attention, of MoE layers and of the model's ends against hand algebra.

#include "layer_program_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

// MLA of DeepSeek-V3's kind, small: q latent 96, kv latent 64, heads of 32 + 16, values of 24.
ModelSpec mla_model() {
  ModelSpec model = small_dense_model();
  model.attention = {.kind = AttentionKind::kMla,
                     .heads = 8,
                     .kv_heads = 8,
                     .q_lora_rank = 96,
                     .kv_lora_rank = 64,
                     .nope_head_dim = 32,
                     .rope_head_dim = 16,
                     .v_head_dim = 24};
  return model;
}

TEST(Mla, ProductsByHand) {
  const auto forward = layer_forward(mla_model(), small_plan());
  const auto shape = [&](const std::string& name) {
    const auto g = std::get<GemmKernel>(find(forward, name).kernel);
    return std::vector<std::int64_t>{g.m, g.n, g.k};
  };
  EXPECT_THAT(shape("attn.q_down"), ElementsAre(64, 96, 256));
  EXPECT_THAT(shape("attn.q_up"), ElementsAre(64, 8 * 48, 96));
  EXPECT_THAT(shape("attn.kv_down"), ElementsAre(64, 64 + 16, 256));
  EXPECT_THAT(shape("attn.kv_up"), ElementsAre(64, 8 * (32 + 24), 64));
  EXPECT_THAT(shape("attn.out"), ElementsAre(64, 256, 8 * 24));
  const auto core = std::get<AttentionKernel>(find(forward, "attn.core").kernel);
  EXPECT_EQ(core.head_dim, 48);
  EXPECT_EQ(core.head_dim_v, 24);
  EXPECT_EQ(core.kv_heads, 8);
}

TEST(Mla, LatentsAreGatheredNotHiddenStates) {
  const auto forward = layer_forward(mla_model(), tensor_plan(4, true));
  EXPECT_EQ(find(forward, "attn.q_up.gather", Op::Kind::kComm).call.bytes.value(), kTokens * 96 * 2);
  EXPECT_EQ(find(forward, "attn.kv_up.gather", Op::Kind::kComm).call.bytes.value(), kTokens * (64 + 16) * 2);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "attn.q_down").kernel).m, 16);  // the local quarter of the sequence
}

TEST(Mla, SelectiveRecomputationMakesTheUpProjectionsAgain) {
  PlanSpec plan = small_plan();
  plan.recompute = Recompute::kSelective;
  double again = 0;
  for (const Op& op : layer_backward(mla_model(), plan)) {
    if (op.recompute) again += flops(op.kernel).value();
  }
  EXPECT_EQ(again, 2 * kTokens * (96 * 8 * 48 + 64 * 8 * 56.0));
}

PlanSpec expert_plan() {
  PlanSpec plan = small_plan();
  plan.data_parallel = 8;
  plan.expert_parallel = 8;
  plan.global_batch = 32;
  return plan;
}

TEST(MoeLayer, OperationsByHand) {
  EXPECT_THAT(names(forward_ops([] {
                static const ModelSpec model = small_moe_model();
                static const PlanSpec plan = expert_plan();
                EventSource events;
                return moe_parts(RankShape(model, plan), {.moe = true}, events);
              }())),
              ElementsAre("moe.norm", "moe.shared.up", "moe.shared.activation", "moe.shared.down", "moe.router",
                          "moe.topk", "moe.dispatch", "moe.permute", "moe.experts.up", "moe.experts.activation",
                          "moe.experts.down", "moe.unpermute", "moe.combine", "moe.residual"));
}

TEST(MoeLayer, BalancedExperts) {
  const auto forward = layer_forward(small_moe_model(), expert_plan(), true);
  const auto up = std::get<GemmKernel>(find(forward, "moe.experts.up").kernel);
  // 8 ranks x 64 tokens x top-4 over 16 experts: 128 rows each; 2 experts a rank.
  EXPECT_THAT((std::vector{up.m, up.n, up.k, up.groups}), ElementsAre(128, 2 * 128, 256, 2));
  EXPECT_EQ(find(forward, "moe.experts.up").compute_class, ComputeClass::kExpertGemm);
  const auto router = std::get<GemmKernel>(find(forward, "moe.router").kernel);
  EXPECT_THAT((std::vector{router.m, router.n, router.k}), ElementsAre(64, 16, 256));
  EXPECT_EQ(router.precision, Precision::kFp32);
}

TEST(MoeLayer, DispatchBytesAreThoseOfTheTokensBeforeCopies) {
  PlanSpec plan = expert_plan();
  plan.dispatch = Precision::kFp8;
  const auto forward = layer_forward(small_moe_model(), plan, true);
  const Op& dispatch = find(forward, "moe.dispatch", Op::Kind::kComm);
  EXPECT_EQ(dispatch.call.bytes.value(), kTokens * kHidden);  // one byte an element
  EXPECT_EQ(dispatch.call.routing.topk, 4);
  EXPECT_EQ(dispatch.call.routing.experts, 16);
  EXPECT_EQ(dispatch.group, GroupKind::kExpert);
  EXPECT_EQ(find(forward, "moe.combine", Op::Kind::kComm).call.bytes.value(), kBuffer);
  // Backward: the gradient is dispatched (fp8), the gradient of the input combined (bf16).
  const auto backward = layer_backward(small_moe_model(), plan, true);
  EXPECT_EQ(traffic_of(backward, CollectiveOp::kEpDispatch, CommClass::kExpert).bytes, kTokens * kHidden);
  EXPECT_EQ(traffic_of(backward, CollectiveOp::kEpCombine, CommClass::kExpert).bytes, kBuffer);
}

TEST(MoeLayer, TensorRanksDispatchTheirShareOfTheSequence) {
  PlanSpec plan = expert_plan();
  plan.tensor_parallel = 4, plan.data_parallel = 2, plan.global_batch = 8;
  const auto forward = layer_forward(small_moe_model(), plan, true);
  EXPECT_EQ(find(forward, "moe.dispatch", Op::Kind::kComm).call.bytes.value(), kBuffer / 4);
  // 8 ranks x 16 tokens x top-4 over 16 experts.
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "moe.experts.up").kernel).m, 32);
}

TEST(MoeLayer, NoExchangeOnOneRank) {
  const auto forward = layer_forward(small_moe_model(), small_plan(), true);
  EXPECT_EQ(traffic_of(forward, CollectiveOp::kEpDispatch, CommClass::kExpert).calls, 0);
  EXPECT_EQ(traffic_of(forward, CollectiveOp::kEpCombine, CommClass::kExpert).calls, 0);
}

TEST(MoeLayer, ExpertParallelismMovesWorkButKeepsItsAmount) {
  const double one = gemm_flops(layer_forward(small_moe_model(), small_plan(), true));
  for (std::int64_t ranks : {2, 4, 8}) {
    PlanSpec plan = expert_plan();
    plan.expert_parallel = ranks;
    EXPECT_EQ(gemm_flops(layer_forward(small_moe_model(), plan, true)), one);
  }
}

// Half of the matrices' columns on each of two ranks, which gather each other's tokens: twice the rows.
TEST(MoeLayer, ExpertTensorParallelismGathersTokensAndScattersOutputs) {
  PlanSpec plan = expert_plan();
  plan.expert_parallel = 4, plan.expert_tensor_parallel = 2;
  const auto forward = layer_forward(small_moe_model(), plan, true);
  const auto up = std::get<GemmKernel>(find(forward, "moe.experts.up").kernel);
  // 4 ranks x 2 peers x 64 tokens x top-4 over 16 experts; 4 experts a rank, 128/2 wide.
  EXPECT_THAT((std::vector{up.m, up.n, up.k, up.groups}), ElementsAre(128, 2 * 64, 256, 4));
  const Op& gather = find(forward, "moe.experts.gather", Op::Kind::kComm);
  const double distinct = kTokens * expected_distinct_bins(4, 16, 4);
  EXPECT_DOUBLE_EQ(gather.call.bytes.value(), 2 * distinct * kHidden * 2);
  EXPECT_EQ(gather.group, GroupKind::kExpertTensor);
  EXPECT_EQ(gather.call.op, CollectiveOp::kAllGather);
  EXPECT_EQ(find(forward, "moe.experts.scatter", Op::Kind::kComm).call.op, CollectiveOp::kReduceScatter);
  const auto backward = layer_backward(small_moe_model(), plan, true);
  EXPECT_EQ(find(backward, "moe.experts.gather.backward", Op::Kind::kComm).call.op, CollectiveOp::kReduceScatter);
  plan.expert_tensor_parallel = 1;
  EXPECT_EQ(gemm_flops(forward), gemm_flops(layer_forward(small_moe_model(), plan, true)));
}

struct Routed {
  RoutingSpec routing;
  std::int64_t rows;  // of 128 in balance
  double bytes;       // of the exchange over the balanced ones
};

class MoeRouting : public testing::TestWithParam<Routed> {};

TEST_P(MoeRouting, RowsAndBytes) {
  PlanSpec plan = expert_plan();
  plan.routing = GetParam().routing;
  const auto forward = layer_forward(small_moe_model(), plan, true);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "moe.experts.up").kernel).m, GetParam().rows);
  EXPECT_DOUBLE_EQ(find(forward, "moe.dispatch", Op::Kind::kComm).call.bytes.value(), GetParam().bytes * kBuffer);
}

INSTANTIATE_TEST_SUITE_P(All, MoeRouting,
                         testing::Values(Routed{{.imbalance = 1.5}, 192, 1.5},                            // the busiest
                                         Routed{{.capacity_factor = 1.25, .imbalance = 1.5}, 160, 1.25},  // drops
                                         Routed{{.capacity_factor = 2, .imbalance = 1.5}, 192, 1.5},      // has room
                                         Routed{{.capacity_factor = 0.5}, 64, 0.5},
                                         Routed{{.capacity_factor = 2, .pad_to_capacity = true}, 256, 2}));

// Four choices among 16 real and 16 zero experts: two real ones a token.
TEST(MoeLayer, ZeroExpertsTakeNoRows) {
  ModelSpec model = small_moe_model();
  model.moe.zero_experts = 16;
  const auto forward = layer_forward(model, expert_plan(), true);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "moe.experts.up").kernel).m, 64);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "moe.router").kernel).n, 32);
  EXPECT_EQ(find(forward, "moe.dispatch", Op::Kind::kComm).call.routing.topk, 2);
  EXPECT_EQ(std::get<VectorKernel>(find(forward, "moe.zero_experts").kernel).read.value(), 2 * kBuffer);
}

TEST(MoeLayer, ATableOfExpertsSparesTheSearch) {
  const ModelSpec model = small_moe_model();
  const PlanSpec plan = expert_plan();
  EventSource events;
  const RankShape shape(model, plan);
  const auto searched = names(forward_ops(moe_parts(shape, {.moe = true}, events)));
  const auto tabled = names(forward_ops(moe_parts(shape, {.moe = true, .hash_routed = true}, events)));
  EXPECT_THAT(searched, ::testing::Contains("moe.topk"));
  EXPECT_THAT(tabled, ::testing::Not(::testing::Contains("moe.topk")));
  EXPECT_EQ(tabled.size(), searched.size() - 1);
}

TEST(MoeLayer, SharedGateScoresEachToken) {
  ModelSpec model = small_moe_model();
  model.moe.shared_gate = true;
  const auto gate = std::get<GemmKernel>(find(layer_forward(model, expert_plan(), true), "moe.shared.gate").kernel);
  EXPECT_THAT((std::vector{gate.m, gate.n, gate.k}), ElementsAre(64, 1, 256));
}

TEST(MoeLayer, CombineInEightBitsIsCastAndHalved) {
  PlanSpec plan = expert_plan();
  plan.combine = Precision::kFp8;
  const auto forward = layer_forward(small_moe_model(), plan, true);
  EXPECT_EQ(find(forward, "moe.combine", Op::Kind::kComm).call.bytes.value(), kBuffer / 2);
  EXPECT_EQ(std::get<VectorKernel>(find(forward, "moe.combine.cast").kernel).written.value(), kBuffer / 2);
}

ModelSpec shortcut_model() {
  ModelSpec model = small_moe_model();
  model.moe.shared_experts = 0;
  model.moe.first_dense = 0;
  model.moe.shortcut = true;
  model.ffn = 512;
  return model;
}

std::size_t place(const std::vector<std::string>& all, const std::string& name, bool last = false) {
  const auto found =
      last ? std::find(all.rbegin(), all.rend(), name).base() - 1 : std::find(all.begin(), all.end(), name);
  EXPECT_NE(found, all.end()) << name;
  return static_cast<std::size_t>(found - all.begin());
}

// Dispatch runs under the first dense MLP, combine under the second attention and MLP; backward the mirror image.
TEST(Shortcut, ExchangesRunBesideTheDenseBranch) {
  const auto ops = layer_forward(shortcut_model(), expert_plan(), true);
  expect_matched_events(ops);
  const auto forward = names(ops);
  EXPECT_LT(place(forward, "~moe.dispatch"), place(forward, "mlp.up"));
  EXPECT_LT(place(forward, "mlp.down"), place(forward, "!moe.dispatch"));
  EXPECT_LT(place(forward, "!moe.dispatch"), place(forward, "moe.experts.up"));
  EXPECT_LT(place(forward, "~moe.combine"), place(forward, "attn.core", true));
  EXPECT_LT(place(forward, "mlp.down", true), place(forward, "!moe.combine"));
  const auto back_ops = layer_backward(shortcut_model(), expert_plan(), true);
  expect_matched_events(back_ops);
  const auto backward = names(back_ops);
  EXPECT_LT(place(backward, "~moe.combine.backward"), place(backward, "attn.core.backward"));
  EXPECT_LT(place(backward, "attn.core.backward"), place(backward, "!moe.combine.backward"));
  EXPECT_LT(place(backward, "!moe.combine.backward"), place(backward, "moe.experts.down.dgrad"));
  EXPECT_LT(place(backward, "~moe.dispatch.backward"), place(backward, "mlp.down.dgrad", true));
  EXPECT_LT(place(backward, "mlp.up.dgrad", true), place(backward, "!moe.dispatch.backward"));
}

TEST(Shortcut, WithoutOverlapTheSameWorkBlocks) {
  PlanSpec plan = expert_plan();
  const auto hidden = layer_forward(shortcut_model(), plan, true);
  plan.overlap.shortcut = false;
  const auto blocking = layer_forward(shortcut_model(), plan, true);
  EXPECT_EQ(gemm_flops(hidden), gemm_flops(blocking));
  for (const Op& op : blocking) EXPECT_NE(op.kind, Op::Kind::kCommAsync) << op.name;
  const auto bytes = [](const std::vector<Op>& ops) {
    return traffic_of(ops, CollectiveOp::kEpDispatch, CommClass::kExpert).bytes;
  };
  EXPECT_EQ(bytes(hidden), bytes(blocking));
}

// The step program does the model's FLOPs: two attention blocks, two dense MLPs, and the top-4 experts.
TEST(Shortcut, LayerDoesTheModelsMatrixWork) {
  const ModelSpec model = shortcut_model();
  const double attention = 4.0 * 256 * 256, dense = 3.0 * 256 * 512, experts = 4 * 3.0 * 256 * 128, router = 256 * 16;
  EXPECT_EQ(gemm_flops(layer_forward(model, expert_plan(), true)),
            2 * kTokens * (2 * attention + 2 * dense + experts + router));
}

TEST(Head, ProductLossAndItsReductions) {
  const ModelSpec model = small_dense_model();
  const PlanSpec plan = tensor_plan(4, true);
  EventSource events;
  const LayerParts parts = head_parts(RankShape(model, plan), events);
  const auto forward = forward_ops(parts);
  const auto projection = std::get<GemmKernel>(find(forward, "head.projection").kernel);
  EXPECT_THAT((std::vector{projection.m, projection.n, projection.k}), ElementsAre(64, 512 / 4, 256));
  const Traffic loss = traffic_of(forward, CollectiveOp::kAllReduce, CommClass::kTensor);
  EXPECT_EQ(loss.calls, 3);
  EXPECT_EQ(loss.bytes, 3 * kTokens * 4);
  expect_matched_events(backward_ops(parts));
}

TEST(Embedding, ReducesForwardAndGathersBackward) {
  const ModelSpec model = small_dense_model();
  const PlanSpec plan = tensor_plan(4, true);
  const LayerParts parts = embedding_parts(RankShape(model, plan));
  EXPECT_THAT(names(forward_ops(parts)), ElementsAre("embedding", "embedding.reduce"));
  EXPECT_THAT(names(backward_ops(parts)), ElementsAre("embedding.grad.gather", "embedding.backward"));
  EXPECT_EQ(traffic_of(forward_ops(parts), CollectiveOp::kReduceScatter, CommClass::kTensor).bytes, kBuffer);
}

}  // namespace
}  // namespace supernode
