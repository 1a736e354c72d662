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
