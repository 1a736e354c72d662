// Layers of each kind of attention: operations by hand, and FLOPs performed against the model's. 64 tokens.

#include "layer_program_fixture.hpp"
#include "workloads/attention_span.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

ModelSpec latent_model(bool indexed) {
  ModelSpec model = small_dense_model();
  AttentionSpec& a = model.attention;
  a.kind = AttentionKind::kMla;
  a.q_lora_rank = 96, a.kv_lora_rank = 64;
  a.nope_head_dim = 32, a.rope_head_dim = 16, a.v_head_dim = 32;
  if (indexed) a.indexer = {.heads = 4, .head_dim = 16, .topk = 16, .share = 1};
  return model;
}

// Keys of 4 and of 32 tokens, a window of 16.
ModelSpec compressed_model() {
  ModelSpec model = small_dense_model();
  AttentionSpec& a = model.attention;
  a.kind = AttentionKind::kCompressed;
  a.kv_heads = 1, a.window = 16, a.q_lora_rank = 96, a.rope_head_dim = 16;
  a.indexer = {.heads = 4, .head_dim = 16, .topk = 8, .share = 1};
  a.compression.sparse_ratio = 4, a.compression.dense_ratio = 32;
  a.compression.output_groups = 4, a.compression.output_rank = 32;
  return model;
}

ModelSpec mamba_model() {
  ModelSpec model = small_dense_model();
  AttentionSpec& a = model.attention;
  a.kind = AttentionKind::kMamba;
  a.mamba = {.state = 16, .head_dim = 64, .groups = 1, .conv = 4, .expand = 2};  // inner 512, 8 heads
  return model;
}

struct Layer {
  std::vector<Op> forward, backward;
};
Layer layer(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form) {
  EventSource events;
  const LayerParts parts = attention_parts(RankShape(model, plan), form, events);
  return {forward_ops(parts), backward_ops(parts, plan)};
}

// FLOPs forward and backward without what is made again: of flash attention one of the five products backward.
double useful(const Layer& l) {
  double total = gemm_flops(l.forward) + gemm_flops(l.backward) + attention_flops(l.forward);
  for (const Op& op : l.backward) {
    const auto* kernel = op.kind == Op::Kind::kCompute ? std::get_if<AttentionKernel>(&op.kernel) : nullptr;
    if (kernel != nullptr && !op.recompute) total += 0.8 * flops(op.kernel).value();
  }
  return total;
}

double expected(const ModelSpec& model, const LayerForm& form) {
  return kTokens * (6 * attention_matrices(model, form).total() + mixing_flops(model, form, 64));
}

TEST(AttentionKinds, FlopsPerformedAreTheModels) {
  ModelSpec windowed = small_dense_model();
  windowed.attention.window = 16;
  ModelSpec full = small_dense_model();
  full.attention.causal = false;
  const std::vector<std::pair<ModelSpec, LayerForm>> cases = {
      {small_dense_model(), {}},
      {windowed, {.windowed = true}},
      {full, {}},
      {latent_model(false), {}},
      {latent_model(true), {.indexes = true}},
      {latent_model(true), {}},
      {compressed_model(), {.windowed = true}},
      {compressed_model(), {.sparse = true, .indexes = true}},
      {compressed_model(), {}},
      {mamba_model(), {}},
  };
  for (const auto& [model, form] : cases) {
    const double performed = useful(layer(model, small_plan(), form));
    EXPECT_NEAR(performed / expected(model, form), 1, 1e-12) << static_cast<int>(model.attention.kind);
  }
}

TEST(AttentionKinds, WindowsHaveTheMeanNumberOfKeys) {
  ModelSpec model = small_dense_model();
  model.attention.window = 16;
  const auto kernel =
      std::get<AttentionKernel>(find(layer(model, small_plan(), {.windowed = true}).forward, "attn.core").kernel);
  EXPECT_EQ(kernel.seq_kv, 14);
  EXPECT_FALSE(kernel.causal);
}

TEST(AttentionKinds, AlibiTurnsNothing) {
  ModelSpec model = small_dense_model();
  model.position = PositionKind::kAlibi;
  EXPECT_THAT(names(layer(model, small_plan(), {}).forward),
              ElementsAre("attn.norm", "attn.qkv", "attn.core", "attn.out", "attn.residual"));
}

// Behind an indexer all heads attend to the one latent (64 + 16 columns, of which 64 are values), 14 keys each.
TEST(AttentionKinds, AnIndexedLatentIsAbsorbed) {
  const Layer l = layer(latent_model(true), small_plan(), {.indexes = true});
  const auto core = std::get<AttentionKernel>(find(l.forward, "attn.core").kernel);
  EXPECT_THAT((std::vector{core.heads, core.kv_heads, core.seq_q, core.seq_kv, core.head_dim, core.head_dim_v}),
              ElementsAre(8, 1, 64, 14, 80, 64));
  const auto absorb = std::get<GemmKernel>(find(l.forward, "attn.q_absorb").kernel);
  EXPECT_THAT((std::vector{absorb.groups, absorb.m, absorb.n, absorb.k}), ElementsAre(8, 64, 64, 32));
  const auto scores = std::get<AttentionKernel>(find(l.forward, "attn.index.scores").kernel);
  EXPECT_EQ(flops(scores).value(), 2 * 4 * 16 * 64 * 32.0);  // every causal pair
  // Scores of 32 keys a query written and read in fp32, 16 choices written.
  const auto topk = std::get<VectorKernel>(find(l.forward, "attn.index.topk").kernel);
  EXPECT_EQ(topk.read.value(), 64 * 32 * 4);
  EXPECT_EQ(topk.written.value(), 64 * (32 + 16) * 4);
  // Its loss looks at the chosen keys only.
  const auto back = std::get<AttentionKernel>(find(l.backward, "attn.index.scores.backward").kernel);
  EXPECT_EQ(flops(back).value(), 2.5 * 2 * 4 * 16 * 64 * 14.0);
  EXPECT_TRUE(find(l.backward, "attn.index.target").recompute);
}

TEST(AttentionKinds, ANeighboursChoiceNeedsNoIndexer) {
  for (const Op& op : layer(latent_model(true), small_plan(), {}).forward) {
    EXPECT_EQ(op.name.find("attn.index"), std::string::npos);
  }
}

TEST(AttentionKinds, SharedLatentsAreGatheredOverTensorAndContextRanks) {
  PlanSpec plan = tensor_plan(2, true);
  plan.context_parallel = 4;
  const Layer l = layer(latent_model(true), plan, {.indexes = true});
  EXPECT_EQ(find(l.forward, "attn.latent.gather", Op::Kind::kComm).call.bytes.value(), 16 * 80 * 2);
  EXPECT_EQ(find(l.forward, "attn.context.gather", Op::Kind::kComm).call.bytes.value(), 64 * 80 * 2);
  EXPECT_EQ(find(l.forward, "attn.index.context.gather", Op::Kind::kComm).call.bytes.value(), 64 * 16 * 2);
  const auto core = std::get<AttentionKernel>(find(l.forward, "attn.core").kernel);
  EXPECT_THAT((std::vector{core.heads, core.seq_q, core.seq_kv}), ElementsAre(4, 16, 14));
}

// CSA: 16 merged keys, 8 of them chosen (8·(1 - 8/32) = 6 on average) and 14 of the window. HCA: 2 merged keys, 1 on
// average. HCA's compressor has values and gates of one block, CSA's of two.
TEST(AttentionKinds, CompressedAttention) {
  const ModelSpec model = compressed_model();
  const Layer sparse = layer(model, small_plan(), {.sparse = true, .indexes = true});
  const Layer dense = layer(model, small_plan(), {});
  const Layer window = layer(model, small_plan(), {.windowed = true});
  const auto keys = [](const Layer& l) {
    return std::get<AttentionKernel>(find(l.forward, "attn.core").kernel).seq_kv;
  };
  EXPECT_EQ(keys(sparse), 14 + 6);
  EXPECT_EQ(keys(dense), 14 + 1);
  EXPECT_EQ(keys(window), 14);
  EXPECT_EQ(std::get<GemmKernel>(find(sparse.forward, "attn.compressor").kernel).n, 4 * 32);
  EXPECT_EQ(std::get<GemmKernel>(find(dense.forward, "attn.compressor").kernel).n, 2 * 32);
  EXPECT_EQ(std::get<VectorKernel>(find(sparse.forward, "attn.compress").kernel).written.value(), 64 / 4 * 32 * 2);
  const auto down = std::get<GemmKernel>(find(dense.forward, "attn.out_down").kernel);
  EXPECT_THAT((std::vector{down.groups, down.m, down.n, down.k}), ElementsAre(4, 64, 32, 64));
  EXPECT_EQ(std::get<GemmKernel>(find(dense.forward, "attn.out").kernel).k, 4 * 32);
  EXPECT_THAT(names(window.forward), ElementsAre("attn.norm", "attn.q_down", "attn.q_norm", "attn.q_up",
                                                 "attn.head_norm", "attn.kv", "attn.kv_norm", "attn.rope", "attn.core",
                                                 "attn.unrope", "attn.out_down", "attn.out", "attn.residual"));
}

TEST(AttentionKinds, Mamba) {
  const Layer l = layer(mamba_model(), tensor_plan(2, true), {});
  EXPECT_THAT(names(l.forward), ElementsAre("attn.norm", "mamba.in.gather", "mamba.in", "mamba.conv", "mamba.scores",
                                            "mamba.values", "mamba.states", "mamba.outputs", "mamba.scan", "mamba.norm",
                                            "mamba.out", "mamba.out.reduce", "attn.residual"));
  // Gate and input of 256 each, the group's two matrices of 16, 4 heads' steps.
  EXPECT_EQ(std::get<GemmKernel>(find(l.forward, "mamba.in").kernel).n, 2 * 256 + 2 * 16 + 4);
  const auto values = std::get<GemmKernel>(find(l.forward, "mamba.values").kernel);
  EXPECT_THAT((std::vector{values.groups, values.m, values.n, values.k}), ElementsAre(4, 64, 64, 64));
}

TEST(AttentionKinds, MambaExchangesTokensForHeads) {
  PlanSpec plan = small_plan();
  plan.context_parallel = 2;
  const Layer l = layer(mamba_model(), plan, {});
  EXPECT_EQ(traffic_of(l.forward, CollectiveOp::kAllToAll, CommClass::kContext).calls, 2);
  EXPECT_EQ(find(l.forward, "mamba.context.out", Op::Kind::kComm).call.bytes.value(), 32 * 512 * 2);
  EXPECT_EQ(std::get<GemmKernel>(find(l.forward, "mamba.values").kernel).groups, 4);  // half of the heads
}

TEST(AttentionKinds, SeveralResidualStreamsAreMixed) {
  ModelSpec model = small_dense_model();
  model.residual_streams = 4;
  const Layer l = layer(model, small_plan(), {});
  const auto mixer = std::get<GemmKernel>(find(l.forward, "attn.residual.coefficients").kernel);
  EXPECT_THAT((std::vector{mixer.m, mixer.n, mixer.k}), ElementsAre(64, 4 * 6, 4 * 256));
  EXPECT_EQ(std::get<VectorKernel>(find(l.forward, "attn.residual").kernel).read.value(), 9 * kBuffer);
}

}  // namespace
}  // namespace supernode
