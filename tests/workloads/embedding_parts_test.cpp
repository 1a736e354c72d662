// The ends of the model by hand: 64 tokens, hidden 256, vocabulary 512.

#include "layer_program_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

struct Ends {
  LayerParts embedding, head;
};
Ends ends(const ModelSpec& model, const PlanSpec& plan) {
  EventSource events;
  const RankShape shape(model, plan);
  return {embedding_parts(shape), head_parts(shape, events)};
}

TEST(EmbeddingParts, TheVocabularyIsPaddedToTheRanks) {
  ModelSpec model = small_dense_model();
  model.vocab = 509;
  const auto head = forward_ops(ends(model, tensor_plan(4, true)).head);
  EXPECT_EQ(std::get<GemmKernel>(find(head, "head.projection").kernel).n, 128);
  model.output_vocab = 130;
  EXPECT_EQ(std::get<GemmKernel>(find(forward_ops(ends(model, tensor_plan(4, true)).head), "head.projection").kernel).n,
            33);
}

TEST(EmbeddingParts, ItsWeightGradientIsAWeightPass) {
  const LayerPart lookup = ends(small_dense_model(), tensor_plan(4, true)).embedding.front();
  EXPECT_EQ(names(lookup.weight), names(lookup.backward));
  EXPECT_TRUE(lookup.input.empty());
}

TEST(EmbeddingParts, NormAndTablesBehindTheLookup) {
  ModelSpec model = small_dense_model();
  const auto plain = forward_ops(ends(model, small_plan()).embedding);
  model.embedding_norm = true;
  model.ngram_parameters = 1e6;
  const auto ops = forward_ops(ends(model, small_plan()).embedding);
  EXPECT_THAT(names(ops), ElementsAre("embedding", "embedding.norm"));
  const auto bytes = [](const std::vector<Op>& all) { return std::get<VectorKernel>(all.front().kernel).read.value(); };
  EXPECT_EQ(bytes(plain), kBuffer);
  EXPECT_EQ(bytes(ops), 2 * kBuffer);
}

// Eager: 11 reads and 8 writes of the bf16 logits in 6 kernels, 4 and 3 in 2 backward; fused: 2 and 1, and none.
TEST(EmbeddingParts, AFusedLossIsOneKernel) {
  PlanSpec plan = small_plan();
  constexpr double kLogits = 64 * 512 * 2;
  const auto traffic = [](const std::vector<Op>& ops, const std::string& name) {
    double read = 0, written = 0, kernels = 0;
    for (const Op& op : ops) {
      if (op.name != name) continue;
      read += std::get<VectorKernel>(op.kernel).read.value();
      written += std::get<VectorKernel>(op.kernel).written.value();
      ++kernels;
    }
    return std::vector<double>{read / kLogits, written / kLogits, kernels};
  };
  const LayerParts head = ends(small_dense_model(), plan).head;
  EXPECT_THAT(traffic(forward_ops(head), "head.loss"),
              testing::Pointwise(testing::DoubleNear(1e-9), std::vector<double>{11, 8, 6}));
  EXPECT_THAT(traffic(backward_ops(head), "head.loss.backward"),
              testing::Pointwise(testing::DoubleNear(1e-9), std::vector<double>{4, 3, 2}));
  plan.fused_loss = true;
  EXPECT_THAT(traffic(forward_ops(ends(small_dense_model(), plan).head), "head.loss"),
              testing::Pointwise(testing::DoubleNear(1e-9), std::vector<double>{2, 1, 1}));
  EXPECT_THAT(names(backward_ops(ends(small_dense_model(), plan).head)),
              ElementsAre("head.projection.dgrad", "head.projection.wgrad", "head.norm.backward"));
}

TEST(EmbeddingParts, AdaptersLeaveTheEndsFrozen) {
  PlanSpec plan = small_plan();
  plan.lora.rank = 8;
  EXPECT_THAT(names(backward_ops(ends(small_dense_model(), plan).head)),
              ElementsAre("head.loss.backward", "head.loss.backward", "head.projection.dgrad", "head.norm.backward"));
  EXPECT_TRUE(backward_ops(ends(small_dense_model(), plan).embedding).empty());
}

// Hidden states are gathered along x to [64, 128], then along y; the embedding's sum is cut, its gradient gathered.
TEST(EmbeddingParts, TheEndsAreOneDimensionalUnderTwo) {
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 8;
  plan.tensor_y = 2;
  const auto head = forward_ops(ends(small_dense_model(), plan).head);
  EXPECT_EQ(find(head, "head.gather_x", Op::Kind::kComm).group, GroupKind::kTensorX);
  EXPECT_EQ(find(head, "head.gather_x", Op::Kind::kComm).call.bytes.value(), kBuffer / 2);
  EXPECT_EQ(find(head, "head.gather_y", Op::Kind::kComm).call.bytes.value(), kBuffer);
  const auto projection = std::get<GemmKernel>(find(head, "head.projection").kernel);
  EXPECT_THAT((std::vector{projection.m, projection.n, projection.k}), ElementsAre(64, 64, 256));
  const auto back = backward_ops(ends(small_dense_model(), plan).embedding);
  EXPECT_EQ(find(back, "embedding.grad.gather_y", Op::Kind::kComm).call.bytes.value(), kBuffer / 4);
  EXPECT_EQ(find(back, "embedding.grad.gather_x", Op::Kind::kComm).call.bytes.value(), kBuffer);
}

TEST(EmbeddingParts, ADiffusionModelMapsPatches) {
  ModelSpec model = small_dense_model();
  model.kind = ModelKind::kDiffusion;
  model.patch_channels = 16;
  model.condition_width = 256;
  const Ends e = ends(model, small_plan());
  const auto in = std::get<GemmKernel>(find(forward_ops(e.embedding), "embedding.patch").kernel);
  EXPECT_THAT((std::vector{in.m, in.n, in.k}), ElementsAre(64, 256, 16));
  EXPECT_THAT(names(forward_ops(e.head)), ElementsAre("head.norm", "head.modulation", "head.patch", "head.loss"));
  EXPECT_EQ(std::get<VectorKernel>(find(forward_ops(e.head), "head.loss").kernel).read.value(), 2 * 64 * 16 * 2);
  EventSource events;
  const auto layer = forward_ops(attention_parts(RankShape(model, small_plan()), {}, events));
  const auto modulation = std::get<GemmKernel>(find(layer, "attn.modulation").kernel);
  EXPECT_THAT((std::vector{modulation.m, modulation.n, modulation.k}), ElementsAre(1, 6 * 256, 256));
}

}  // namespace
}  // namespace supernode
