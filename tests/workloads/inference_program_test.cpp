// What a serving pass does and holds, by hand algebra.
#include "workloads/inference_program.hpp"

#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"
#include "workloads/kv_cache.hpp"

namespace supernode {
namespace {

// One layer, 4 heads of 8 with 2 key-value heads, hidden 32, MLP 64 with gate, 100 words.
ModelSpec tiny() {
  ModelSpec m;
  m.name = "tiny";
  m.layers = 1;
  m.hidden = 32;
  m.vocab = 100;
  m.ffn = 64;
  m.attention.kind = AttentionKind::kGqa;
  m.attention.heads = 4;
  m.attention.kv_heads = 2;
  m.attention.head_dim = 8;
  return m;
}

const InferenceOp* find(const std::vector<InferenceBlock>& blocks, const std::string& name) {
  for (const InferenceBlock& block : blocks)
    for (const InferenceOp& op : block.ops)
      if (op.name == name) return &op;
  return nullptr;
}

GemmKernel gemm(const std::vector<InferenceBlock>& blocks, const std::string& name) {
  const InferenceOp* op = find(blocks, name);
  EXPECT_NE(op, nullptr) << name;
  return op ? std::get<GemmKernel>(std::get<Kernel>(op->work)) : GemmKernel{};
}

double matrix_flops(const std::vector<InferenceBlock>& blocks) {
  double sum = 0;
  for (const InferenceBlock& block : blocks)
    for (const InferenceOp& op : block.ops)
      if (const auto* kernel = std::get_if<Kernel>(&op.work))
        if (std::holds_alternative<GemmKernel>(*kernel)) sum += block.count * flops(*kernel).value();
  return sum;
}

// q and output 32·32 each, k and v 32·16 each, three matrices of 32·64, head 32·100: 12,416 weights, 2 FLOPs each and
// token.
TEST(InferenceProgram, EveryWeightMultipliesEveryToken) {
  const InferencePlan plan;
  const auto decode = inference_program(tiny(), plan, {.sequences = 5, .new_tokens = 1, .context = 100});
  EXPECT_DOUBLE_EQ(matrix_flops(decode), 2.0 * 5 * (2 * 1024 + 2 * 512 + 3 * 2048 + 3200));
}

// Two query heads share a key-value head: 5 sequences × 2 heads × 100 keys × (8 + 8) × 2 bytes of cache.
TEST(InferenceProgram, ADecodeStepReadsTheCacheOnce) {
  const auto blocks = inference_program(tiny(), {}, {.sequences = 5, .new_tokens = 1, .context = 100});
  const auto& core = std::get<DecodeAttention>(find(blocks, "attn.core")->work);
  EXPECT_EQ(core.rows, 2);
  EXPECT_DOUBLE_EQ(traffic(core).value(), 5 * 2 * 100 * 16 * 2);
  EXPECT_DOUBLE_EQ(flops(core).value(), 2.0 * 5 * 4 * 100 * 16);
}

TEST(InferenceProgram, TheSameCacheAsTheMemoryModelCounts) {
  for (const char* name : {"llama-3.1-8b", "qwen3-235b-a22b", "deepseek-v3"}) {
    const ModelSpec model = catalogue_model(name);
    double read = 0;
    for (const auto& block : inference_program(model, {}, {.sequences = 1, .new_tokens = 1, .context = 4096}))
      for (const auto& op : block.ops)
        if (const auto* core = std::get_if<DecodeAttention>(&op.work)) read += block.count * traffic(*core).value();
    EXPECT_DOUBLE_EQ(read, kv_cache(model, Precision::kBf16, 4096).value()) << name;
  }
}

// A sequence's query heads: 128 of width 512 + 64 against one latent, values 512 wide.
TEST(InferenceProgram, LatentAttentionDecodesAbsorbed) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  InferencePlan plan;
  plan.tensor_parallel = 2;
  plan.expert_parallel = 128;
  const auto blocks = inference_program(model, plan, {.sequences = 8, .new_tokens = 2, .context = 1000});
  const auto& core = std::get<DecodeAttention>(find(blocks, "attn.core")->work);
  EXPECT_EQ(core.rows, 64 * 2);  // heads of a rank × new tokens
  EXPECT_EQ(core.qk_width, 576);
  EXPECT_EQ(core.v_width, 512);
  EXPECT_EQ(gemm(blocks, "attn.q_absorb").groups, 64);
}

// 8 sequences over TP2: 4 rows a rank, 8 experts each, two experts on a rank. All ranks send alike, so 32 copies reach
// a rank; so few leave experts idle: 128 ranks' 512 tokens miss an expert with (1 - 8/256)^512, so none.
TEST(InferenceProgram, ExpertsGetTheCopiesOfAllRanks) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  InferencePlan plan;
  plan.tensor_parallel = 2;
  plan.expert_parallel = 128;
  const auto blocks = inference_program(model, plan, {.sequences = 8, .new_tokens = 1, .context = 1000});
  EXPECT_EQ(gemm(blocks, "moe.up").groups, 2);
  EXPECT_EQ(gemm(blocks, "moe.up").m, 16);
  plan.imbalance = 1.5;
  const auto skewed = inference_program(model, plan, {.sequences = 8, .new_tokens = 1, .context = 1000});
  EXPECT_EQ(gemm(skewed, "moe.up").m, 24);
}

TEST(InferencePlan, DraftsCountOnlyWhenAllBeforeThemDid) {
  EXPECT_DOUBLE_EQ((SpeculativeSpec{0, 0.7}.tokens_per_step()), 1);
  EXPECT_DOUBLE_EQ((SpeculativeSpec{1, 0.7}.tokens_per_step()), 1.7);
  EXPECT_DOUBLE_EQ((SpeculativeSpec{2, 0.5}.tokens_per_step()), 1.75);
}

// 9,216 weights of the layer, two norms and the final one of 32, tables of 3,200 twice, 2 bytes each: 31,424 B. A token
// keeps 2 heads × 16 × 2 bytes = 64 B.
TEST(InferencePlan, TheCacheHasWhatWeightsAndReserveLeave) {
  InferencePlan plan;
  plan.memory_share = 0.5;
  plan.reserve = Bytes(1000);
  const double weights = 2 * (9216 + 3 * 32 + 2 * 3200);
  EXPECT_DOUBLE_EQ(inference_weights(tiny(), plan).value(), weights);
  EXPECT_DOUBLE_EQ(cache_capacity_tokens(tiny(), plan, Bytes(1e6), 100), (0.5e6 - weights - 1000) / 64);
  EXPECT_DOUBLE_EQ(cache_capacity_tokens(tiny(), plan, Bytes(2e4), 100), 0);
}

TEST(InferenceSoftware, EachNumberHasASource) {
  for (const std::string& name : software_names()) {
    const InferenceSoftware stack = software_named(name);
    EXPECT_EQ(stack.name, name);
    EXPECT_GE(stack.step_factor.value, 1);
    for (const std::string& source :
         {stack.step_factor.source, stack.host_step.source, stack.host_launch.source, stack.weight_load.source})
      EXPECT_FALSE(source.empty()) << name;
  }
}

}  // namespace
}  // namespace supernode
