// The attention core under context parallelism: hops, bytes and FLOPs by hand. 8 heads of 32, 64 tokens.

#include "layer_program_fixture.hpp"
#include "workloads/attention_core.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

// All scores of a causal sequence of 64: 64²/2 pairs, 8 heads, two products of 2·32 FLOPs a pair.
constexpr double kCore = 64 * 64 / 2 * 8 * 2 * 2 * 32.0;
// Keys and values of one token: 2·8 heads of 32 in bf16.
constexpr double kToken = 2 * 8 * 32 * 2;

PlanSpec context_plan(ContextKind kind, std::int64_t ranks) {
  PlanSpec plan = small_plan();
  plan.context_parallel = ranks;
  plan.context.kind = kind;
  return plan;
}

struct Core {
  std::vector<Op> forward, backward;
};
Core core(const PlanSpec& plan, const ModelSpec& model = small_dense_model(), const LayerForm& form = {}) {
  EventSource events;
  const LayerPart part = core_part(RankShape(model, plan), form, events);
  return {part.forward, part.backward};
}

int kernels(const std::vector<Op>& ops) {
  return static_cast<int>(std::count_if(ops.begin(), ops.end(), [](const Op& op) {
    return op.kind == Op::Kind::kCompute && std::holds_alternative<AttentionKernel>(op.kernel);
  }));
}

TEST(ContextCore, ABalancedRingDividesTheWorkAndHopsOnceLessThanItsRanks) {
  for (std::int64_t ranks : {2, 4, 8}) {
    const Core c = core(context_plan(ContextKind::kRing, ranks));
    const double n = static_cast<double>(ranks);
    EXPECT_EQ(kernels(c.forward), ranks);
    EXPECT_DOUBLE_EQ(attention_flops(c.forward), kCore / n);
    EXPECT_DOUBLE_EQ(attention_flops(c.backward), 2.5 * kCore / n);
    const Traffic forward = traffic_of(c.forward, CollectiveOp::kSendRecv, CommClass::kContext);
    EXPECT_EQ(forward.calls, ranks - 1);
    EXPECT_EQ(forward.bytes, (n - 1) * kToken * 64 / n);
    // Backward keys and values go round once more, and their gradients behind them.
    const Traffic backward = traffic_of(c.backward, CollectiveOp::kSendRecv, CommClass::kContext);
    EXPECT_EQ(backward.calls, 2 * (ranks - 1));
    EXPECT_EQ(backward.bytes, 2 * (n - 1) * kToken * 64 / n);
    expect_matched_events(c.forward);
    expect_matched_events(c.backward);
  }
}

TEST(ContextCore, HopsRunUnderTheBlockBefore) {
  const Core c = core(context_plan(ContextKind::kRing, 2));
  EXPECT_THAT(names(c.forward),
              ElementsAre("~attn.ring.send", "attn.core", "!attn.ring.send", "attn.core", "attn.ring.merge"));
  EXPECT_THAT(names(c.backward),
              ElementsAre("~attn.ring.backward.send", "attn.core.backward", "!attn.ring.backward.send",
                          "~attn.ring.backward.gradient", "attn.core.backward", "!attn.ring.backward.gradient",
                          "attn.ring.backward.merge"));
  PlanSpec plan = context_plan(ContextKind::kRing, 2);
  plan.context.overlap = false;
  EXPECT_THAT(names(core(plan).forward), ElementsAre("attn.core", "attn.ring.send", "attn.core", "attn.ring.merge"));
  EXPECT_THAT(names(core(plan).backward),
              ElementsAre("attn.core.backward", "attn.ring.backward.send", "attn.ring.backward.gradient",
                          "attn.core.backward", "attn.ring.backward.merge"));
}

// Its own triangle and three whole blocks: (1/2 + 3)·16² pairs of 64²/2.
TEST(ContextCore, AnUnbalancedRingIsAsSlowAsItsLastRank) {
  PlanSpec plan = context_plan(ContextKind::kRing, 4);
  plan.context.balanced = false;
  EXPECT_DOUBLE_EQ(attention_flops(core(plan).forward), kCore * 3.5 * 16 * 16 / (64 * 64 / 2));
}

TEST(ContextCore, ARingWithoutMaskHasOnlyWholeBlocks) {
  ModelSpec model = small_dense_model();
  model.attention.causal = false;
  const Core c = core(context_plan(ContextKind::kRing, 4), model);
  EXPECT_EQ(kernels(c.forward), 4);
  EXPECT_DOUBLE_EQ(attention_flops(c.forward), 2 * kCore / 4);
}

// A window of 16 in blocks of 16: one's own block (16·(1 - 1/2) = 8 keys) and the one before it (14 - 8 = 6).
TEST(ContextCore, AWindowReachesTheNextBlockOnly) {
  ModelSpec model = small_dense_model();
  model.attention.window = 16;
  const Core c = core(context_plan(ContextKind::kRing, 4), model, {.windowed = true});
  EXPECT_EQ(kernels(c.forward), 2);
  EXPECT_EQ(traffic_of(c.forward, CollectiveOp::kSendRecv, CommClass::kContext).calls, 1);
  EXPECT_DOUBLE_EQ(attention_flops(c.forward), 16 * 14 * 8 * 2 * 2 * 32.0);
}

TEST(ContextCore, UlyssesExchangesHeadsForTokens) {
  const Core c = core(context_plan(ContextKind::kUlysses, 4));
  EXPECT_THAT(names(c.forward), ElementsAre("attn.ulysses.qkv", "attn.core", "attn.ulysses.out"));
  const auto kernel = std::get<AttentionKernel>(find(c.forward, "attn.core").kernel);
  EXPECT_EQ(kernel.heads, 2);
  EXPECT_EQ(kernel.seq_q, 64);
  EXPECT_TRUE(kernel.causal);
  EXPECT_DOUBLE_EQ(attention_flops(c.forward), kCore / 4);
  // q, k and v of 16 tokens, then the output: 8 heads of 32 each, in bf16.
  EXPECT_EQ(find(c.forward, "attn.ulysses.qkv", Op::Kind::kComm).call.bytes.value(), 3 * 16 * 8 * 32 * 2);
  EXPECT_EQ(find(c.forward, "attn.ulysses.out", Op::Kind::kComm).call.bytes.value(), 16 * 8 * 32 * 2);
  EXPECT_EQ(find(c.forward, "attn.ulysses.qkv", Op::Kind::kComm).group, GroupKind::kUlysses);
  EXPECT_EQ(traffic_of(c.backward, CollectiveOp::kAllToAll, CommClass::kContext).bytes, 4 * 16 * 8 * 32 * 2);
}

TEST(ContextCore, UlyssesCopiesTooFewKeyValueHeads) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  const Core c = core(context_plan(ContextKind::kUlysses, 4), model);
  EXPECT_EQ(std::get<AttentionKernel>(find(c.forward, "attn.core").kernel).kv_heads, 1);
  EXPECT_EQ(find(c.forward, "attn.ulysses.qkv", Op::Kind::kComm).call.bytes.value(), (8 + 2 * 4) * 16 * 32 * 2);
}

// Ulysses over 2 makes four heads over 32 tokens a rank; the ring of 2 has blocks of 32.
TEST(ContextCore, AHybridIsARingOfUlyssesGroups) {
  PlanSpec plan = context_plan(ContextKind::kHybrid, 4);
  plan.context.ulysses = 2;
  const Core c = core(plan);
  EXPECT_EQ(kernels(c.forward), 2);
  EXPECT_DOUBLE_EQ(attention_flops(c.forward), kCore / 4);
  const Op& send = find(c.forward, "attn.ring.send", Op::Kind::kCommAsync);
  EXPECT_EQ(send.group, GroupKind::kRing);
  EXPECT_EQ(send.call.bytes.value(), 32 * 4 * 2 * 32 * 2);
  EXPECT_EQ(traffic_of(c.forward, CollectiveOp::kAllToAll, CommClass::kContext).calls, 2);
}

TEST(ContextCore, GatheredKeysAndValues) {
  const Core c = core(context_plan(ContextKind::kAllGather, 4));
  EXPECT_THAT(names(c.forward), ElementsAre("attn.context.gather", "attn.core"));
  EXPECT_THAT(names(c.backward), ElementsAre("attn.context.regather", "attn.core.backward", "attn.context.reduce"));
  EXPECT_EQ(find(c.forward, "attn.context.gather", Op::Kind::kComm).call.bytes.value(), kToken * 64);
  EXPECT_DOUBLE_EQ(attention_flops(c.forward), kCore / 4);
  PlanSpec uneven = context_plan(ContextKind::kAllGather, 4);
  uneven.context.balanced = false;  // the last quarter sees 7/8 of the keys
  EXPECT_DOUBLE_EQ(attention_flops(core(uneven).forward), kCore / 4 * 2 * 7 / 8);
}

TEST(ContextCore, PackedDocumentsAreShorterSequences) {
  PlanSpec plan = small_plan();
  plan.document_length = 16;
  const auto kernel = std::get<AttentionKernel>(find(core(plan).forward, "attn.core").kernel);
  EXPECT_EQ(kernel.batch, 4);
  EXPECT_EQ(kernel.seq_q, 16);
  EXPECT_DOUBLE_EQ(attention_flops(core(plan).forward), kCore / 4);
  plan.document_length = 24;  // does not divide 64: 12 keys on average
  EXPECT_DOUBLE_EQ(attention_flops(core(plan).forward), 64 * 12 * 8 * 2 * 2 * 32.0);
}

TEST(ContextCore, StoredScoresAreSixProductsAndTheirTraffic) {
  PlanSpec plan = small_plan();
  plan.flash_attention = false;
  const Core c = core(plan);
  EXPECT_THAT(names(c.forward),
              ElementsAre("attn.core.scores", "attn.core.softmax", "attn.core.values", "attn.core.reorder"));
  EXPECT_EQ(gemm_flops(c.forward), 2 * kCore);  // masked pairs are computed too
  EXPECT_EQ(gemm_flops(c.backward), 4 * kCore);
  const auto softmax = std::get<VectorKernel>(find(c.forward, "attn.core.softmax").kernel);
  EXPECT_EQ(softmax.kind, VectorKind::kSoftmax);
  EXPECT_EQ(softmax.read.value(), 8 * 64 * 64 * 2);
  const auto back = std::get<VectorKernel>(find(c.backward, "attn.core.softmax.backward").kernel);
  EXPECT_EQ(back.read.value(), 2 * 8 * 64 * 64 * 2);
  // 8 heads of 64 tokens and 32 columns: the context, then the gradients of queries, keys and values.
  EXPECT_EQ(std::get<VectorKernel>(find(c.forward, "attn.core.reorder").kernel).read.value(), 8 * 64 * 32 * 2);
  EXPECT_EQ(std::get<VectorKernel>(find(c.backward, "attn.core.join.backward").kernel).read.value(),
            3 * 8 * 64 * 32 * 2);
}

// Two bytes a probability and one of the mask, each way.
TEST(ContextCore, DropoutReadsAndWritesTheStoredScores) {
  PlanSpec plan = small_plan();
  plan.flash_attention = false;
  plan.dropout = true;
  const Core c = core(plan);
  const auto forward = std::get<VectorKernel>(find(c.forward, "attn.core.dropout").kernel);
  EXPECT_EQ(forward.read.value(), 8 * 64 * 64 * 2);
  EXPECT_EQ(forward.written.value(), 8 * 64 * 64 * 3);
  const auto backward = std::get<VectorKernel>(find(c.backward, "attn.core.dropout.backward").kernel);
  EXPECT_EQ(backward.read.value(), 8 * 64 * 64 * 3);
  EXPECT_EQ(backward.written.value(), 8 * 64 * 64 * 2);
}

TEST(ContextCore, FlashAttentionIsOfThePlansLibrary) {
  PlanSpec plan = small_plan();
  plan.attention_library = AttentionLibrary::kFlash2;
  const Core c = core(plan);
  EXPECT_EQ(std::get<AttentionKernel>(find(c.forward, "attn.core").kernel).library, AttentionLibrary::kFlash2);
  EXPECT_EQ(std::get<AttentionKernel>(find(c.backward, "attn.core.backward").kernel).library,
            AttentionLibrary::kFlash2);
}

}  // namespace
}  // namespace supernode
