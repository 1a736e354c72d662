// One matrix product with its collectives: split backward passes, pieces, 2D tensor parallelism, adapters. 64 tokens.

#include <algorithm>

#include "layer_program_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

LayerPart part_of(const PlanSpec& plan, LinearKind kind, std::int64_t in = 256, std::int64_t out = 1024,
                  LoraTarget lora = LoraTarget::kMatrix) {
  EventSource events;
  const ModelSpec model = small_dense_model();
  return linear_part(RankShape(model, plan),
                     {.name = "x", .kind = kind, .rows = 64, .in = in, .out = out, .lora = lora}, events);
}

// What a pass does, in no order: names without marks, each blocking or not.
std::vector<std::string> work(const std::vector<Op>& ops) {
  std::vector<std::string> all;
  for (const Op& op : ops) {
    if (op.kind != Op::Kind::kWait) all.push_back(op.name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(LinearPart, InputAndWeightPassesTogetherDoWhatBackwardDoes) {
  for (LinearKind kind : {LinearKind::kLocal, LinearKind::kColumn, LinearKind::kRow}) {
    for (bool sequence : {false, true}) {
      for (Precision compute : {Precision::kBf16, Precision::kFp8}) {
        PlanSpec plan = tensor_plan(4, sequence);
        plan.compute = compute;
        const LayerPart part = part_of(plan, kind);
        std::vector<Op> split = part.input;
        split.insert(split.end(), part.weight.begin(), part.weight.end());
        EXPECT_EQ(work(split), work(part.backward));
        EXPECT_EQ(gemm_flops(split), gemm_flops(part.backward));
        EXPECT_EQ(gemm_flops(part.input), gemm_flops(part.weight));
        expect_matched_events(part.input);
        expect_matched_events(part.weight);
      }
    }
  }
}

TEST(LinearPart, ProductsAndCollectivesInPieces) {
  PlanSpec plan = tensor_plan(2, true);
  plan.overlap.tensor = true;
  plan.overlap.tensor_chunks = 3;  // 64 rows divide by 2
  const LayerPart column = part_of(plan, LinearKind::kColumn), row = part_of(plan, LinearKind::kRow);
  EXPECT_THAT(names(column.forward), ElementsAre("~x.gather", "~x.gather", "!x.gather", "x", "!x.gather", "x"));
  EXPECT_THAT(names(row.forward), ElementsAre("x", "~x.reduce", "x", "~x.reduce", "!x.reduce", "!x.reduce"));
  EXPECT_THAT(names(row.input), ElementsAre("~x.dgrad.gather", "~x.dgrad.gather", "!x.dgrad.gather", "x.dgrad",
                                            "!x.dgrad.gather", "x.dgrad"));
  // No weight gradient to hide it: the reduction of the input's gradient goes in pieces too.
  EXPECT_THAT(names(column.input), ElementsAre("x.dgrad", "~x.dgrad.reduce", "x.dgrad", "~x.dgrad.reduce",
                                               "!x.dgrad.reduce", "!x.dgrad.reduce"));
  EXPECT_EQ(std::get<GemmKernel>(find(row.forward, "x").kernel).m, 32);
}

PlanSpec plane_plan(std::int64_t x, std::int64_t y) {
  PlanSpec plan = small_plan();
  plan.tensor_parallel = x * y;
  plan.tensor_y = y;
  return plan;
}

// A 256 x 1024 matrix, a column of TP 8 = 4 x 2: a rank's 1D share is 256 x 128, its 2D one 128 x 256.
TEST(LinearPart, ColumnInTwoDimensions) {
  const LayerPart part = part_of(plane_plan(4, 2), LinearKind::kColumn, 256, 1024 / 8);
  EXPECT_THAT(names(part.forward), ElementsAre("x.gather", "x", "x.reduce"));
  const auto gemm = std::get<GemmKernel>(find(part.forward, "x").kernel);
  EXPECT_THAT((std::vector{gemm.m, gemm.n, gemm.k}), ElementsAre(64, 256, 128));
  const Op& gather = find(part.forward, "x.gather", Op::Kind::kComm);
  EXPECT_EQ(gather.group, GroupKind::kTensorX);
  EXPECT_EQ(gather.call.bytes.value(), 64 * 128 * 2);  // [64/4, 128] a rank
  const Op& reduce = find(part.forward, "x.reduce", Op::Kind::kComm);
  EXPECT_EQ(reduce.group, GroupKind::kTensorY);
  EXPECT_EQ(reduce.call.op, CollectiveOp::kReduceScatter);
  EXPECT_EQ(reduce.call.bytes.value(), 64 * 256 * 2);
  EXPECT_THAT(names(part.backward), ElementsAre("x.dgrad.gather", "~x.regather", "x.dgrad", "!x.regather",
                                                "~x.dgrad.reduce", "x.wgrad", "!x.dgrad.reduce"));
}

// The way back: a row's input is gathered over y, its output reduced over x.
TEST(LinearPart, RowInTwoDimensions) {
  const LayerPart part = part_of(plane_plan(4, 2), LinearKind::kRow, 1024 / 8, 256);
  const auto gemm = std::get<GemmKernel>(find(part.forward, "x").kernel);
  EXPECT_THAT((std::vector{gemm.m, gemm.n, gemm.k}), ElementsAre(64, 128, 256));
  EXPECT_EQ(find(part.forward, "x.gather", Op::Kind::kComm).group, GroupKind::kTensorY);
  EXPECT_EQ(find(part.forward, "x.gather", Op::Kind::kComm).call.bytes.value(), 64 * 256 * 2);
  EXPECT_EQ(find(part.forward, "x.reduce", Op::Kind::kComm).group, GroupKind::kTensorX);
  EXPECT_EQ(find(part.forward, "x.reduce", Op::Kind::kComm).call.bytes.value(), 64 * 128 * 2);
}

// A layer of TP 8 in one dimension moves 2 gathers and 2 scatters of T·h over 8 ranks; as 4 x 2 its four products move
// T·h/2 and T·3h/4 (qkv), T·h/4 and T·h/2 (out), T·h/2 and T·8h/4 (up, gated), T·4h/4 and T·h/2 (down), each within 4
// or 2 ranks, and the core's exchange the rest.
TEST(LinearPart, ALayerInTwoDimensionsKeepsItsFlops) {
  const auto one = layer_forward(small_dense_model(), tensor_plan(8, true));
  const auto two = layer_forward(small_dense_model(), plane_plan(4, 2));
  EXPECT_EQ(gemm_flops(one), gemm_flops(two));
  EXPECT_EQ(attention_flops(one), attention_flops(two));
  EXPECT_EQ(traffic_of(two, CollectiveOp::kAllGather, CommClass::kTensor).bytes, kBuffer * (0.5 + 0.25 + 0.5 + 1));
  EXPECT_EQ(traffic_of(two, CollectiveOp::kReduceScatter, CommClass::kTensor).bytes, kBuffer * (0.75 + 0.5 + 2 + 0.5));
  // q, k, v and the output of one head each, for all tokens.
  EXPECT_EQ(traffic_of(two, CollectiveOp::kAllToAll, CommClass::kTensor).bytes, 4 * 64 * 32 * 2);
  // Two norms: one sum of 16 rows in fp32.
  EXPECT_EQ(traffic_of(two, CollectiveOp::kAllReduce, CommClass::kTensor).bytes, 2 * 16 * 4);
}

// Rank 8 beside a frozen 256 x 1024: A and B forward, backward each for input and weight; no weight gradient of W.
TEST(LinearPart, AdaptersBesideAFrozenMatrix) {
  PlanSpec plan = small_plan();
  plan.lora.rank = 8;
  const LayerPart part = part_of(plan, LinearKind::kLocal);
  EXPECT_THAT(names(part.forward), ElementsAre("x.lora_a", "x.lora_b", "x"));
  EXPECT_THAT(names(part.backward),
              ElementsAre("x.dgrad", "x.lora_b.dgrad", "x.lora_a.dgrad", "x.lora_b.wgrad", "x.lora_a.wgrad"));
  const double matrix = 2 * 64 * 256 * 1024.0, adapter = 2 * 64 * 8 * (256 + 1024.0);
  EXPECT_EQ(gemm_flops(part.forward), matrix + adapter);
  EXPECT_EQ(gemm_flops(part.backward), matrix + 2 * adapter);
}

TEST(LinearPart, AdaptersOnAttentionOnlyLeaveTheRestFrozen) {
  PlanSpec plan = tensor_plan(4, true);
  plan.lora = {.rank = 8, .attention_only = true};
  const LayerPart frozen = part_of(plan, LinearKind::kColumn);
  EXPECT_THAT(names(frozen.forward), ElementsAre("x.gather", "x"));
  EXPECT_THAT(names(frozen.backward), ElementsAre("x.dgrad", "x.dgrad.reduce"));  // nothing kept, nothing regathered
  EXPECT_TRUE(frozen.weight.empty());
  const LayerPart attention = part_of(plan, LinearKind::kColumn, 256, 1024, LoraTarget::kAttention);
  EXPECT_THAT(names(attention.weight), ElementsAre("x.regather", "x.lora_b.wgrad", "x.lora_a.wgrad"));
  EXPECT_TRUE(part_of(plan, LinearKind::kColumn, 256, 1024, LoraTarget::kNone).weight.empty());
}

TEST(LinearPart, FewerKeyValueHeadsThanRanksAreCopied) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  const auto forward = layer_forward(model, tensor_plan(8, true));
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "attn.qkv").kernel).n, (1 + 2) * 32);
  EXPECT_EQ(std::get<AttentionKernel>(find(forward, "attn.core").kernel).kv_heads, 1);
}

}  // namespace
}  // namespace supernode
