// The operations of a dense layer against hand algebra.

#include "layer_program_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

TEST(DenseLayer, OperationsOnOneRank) {
  EXPECT_THAT(names(layer_forward(small_dense_model(), small_plan())),
              ElementsAre("attn.norm", "attn.qkv", "attn.rope", "attn.core", "attn.out", "attn.residual", "mlp.norm",
                          "mlp.up", "mlp.activation", "mlp.down", "mlp.residual"));
  EXPECT_THAT(names(layer_backward(small_dense_model(), small_plan())),
              ElementsAre("mlp.residual.backward", "mlp.down.dgrad", "mlp.down.wgrad", "mlp.activation.backward",
                          "mlp.up.dgrad", "mlp.up.wgrad", "mlp.norm.backward", "attn.residual.backward",
                          "attn.out.dgrad", "attn.out.wgrad", "attn.core.backward", "attn.rope.backward",
                          "attn.qkv.dgrad", "attn.qkv.wgrad", "attn.norm.backward"));
}

TEST(DenseLayer, FlopsAreTwoPerParameterAndTokenForwardAndFourBackward) {
  // Attention 4·256² and gated MLP 3·256·1024: 1,048,576 parameters.
  const double parameters = 4 * 256.0 * 256 + 3 * 256.0 * 1024;
  const auto forward = layer_forward(small_dense_model(), small_plan());
  const auto backward = layer_backward(small_dense_model(), small_plan());
  EXPECT_EQ(gemm_flops(forward), 2 * parameters * kTokens);
  EXPECT_EQ(gemm_flops(backward), 4 * parameters * kTokens);
  // Two products over half of 64 x 64 scores, 8 heads of 32; backward five products for two.
  const double core = 2 * 2 * 8 * (64 * 64 / 2) * 32.0;
  EXPECT_EQ(attention_flops(forward), core);
  EXPECT_EQ(attention_flops(backward), 2.5 * core);
}

TEST(DenseLayer, ShapesOfTheProducts) {
  const auto forward = layer_forward(small_dense_model(), tensor_plan(4, true));
  const auto backward = layer_backward(small_dense_model(), tensor_plan(4, true));
  const auto qkv = std::get<GemmKernel>(find(forward, "attn.qkv").kernel);
  EXPECT_THAT((std::vector{qkv.m, qkv.n, qkv.k, qkv.groups}), ElementsAre(64, 3 * 256 / 4, 256, 1));
  const auto dgrad = std::get<GemmKernel>(find(backward, "attn.qkv.dgrad").kernel);
  EXPECT_THAT((std::vector{dgrad.m, dgrad.n, dgrad.k}), ElementsAre(64, 256, 3 * 256 / 4));
  const auto wgrad = std::get<GemmKernel>(find(backward, "attn.qkv.wgrad").kernel);
  EXPECT_THAT((std::vector{wgrad.m, wgrad.n, wgrad.k}), ElementsAre(3 * 256 / 4, 256, 64));
  EXPECT_TRUE(wgrad.accumulate);
  EXPECT_FALSE(dgrad.accumulate);
  const auto core = std::get<AttentionKernel>(find(forward, "attn.core").kernel);
  EXPECT_THAT((std::vector{core.batch, core.heads, core.kv_heads, core.seq_q, core.seq_kv, core.head_dim}),
              ElementsAre(1, 2, 2, 64, 64, 32));
  // Norm: the local quarter of the sequence, read and written in bf16.
  const auto norm = std::get<VectorKernel>(find(forward, "attn.norm").kernel);
  EXPECT_EQ(norm.read.value(), kBuffer / 4);
  EXPECT_EQ(norm.written.value(), kBuffer / 4);
}

TEST(DenseLayer, GroupedQueriesShrinkKeysAndValues) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  const auto forward = layer_forward(model, small_plan());
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "attn.qkv").kernel).n, (8 + 2 * 2) * 32);
  EXPECT_EQ(std::get<AttentionKernel>(find(forward, "attn.core").kernel).kv_heads, 2);
}

TEST(DenseLayer, SequenceParallelCollectives) {
  const auto forward = layer_forward(small_dense_model(), tensor_plan(4, true));
  const auto backward = layer_backward(small_dense_model(), tensor_plan(4, true));
  const auto count = [](const std::vector<Op>& ops, CollectiveOp op) {
    return traffic_of(ops, op, CommClass::kTensor);
  };
  // arXiv 2205.05198, section 4.2: two gathers and two scatters each way, and backward two gathers more, of the inputs
  // that were kept sharded.
  EXPECT_EQ(count(forward, CollectiveOp::kAllGather).calls, 2);
  EXPECT_EQ(count(forward, CollectiveOp::kReduceScatter).calls, 2);
  EXPECT_EQ(count(forward, CollectiveOp::kAllGather).bytes, 2 * kBuffer);
  EXPECT_EQ(count(forward, CollectiveOp::kReduceScatter).bytes, 2 * kBuffer);
  EXPECT_EQ(count(backward, CollectiveOp::kAllGather).calls, 4);
  EXPECT_EQ(count(backward, CollectiveOp::kReduceScatter).calls, 2);
  EXPECT_EQ(count(backward, CollectiveOp::kAllGather).bytes, 4 * kBuffer);
  EXPECT_EQ(count(backward, CollectiveOp::kReduceScatter).bytes, 2 * kBuffer);
  expect_matched_events(backward);
}

TEST(DenseLayer, OverlapOfTheColumnParallelBackwardPass) {
  const auto all = names(layer_backward(small_dense_model(), tensor_plan(4, true)));
  const auto first = std::find(all.begin(), all.end(), "~mlp.up.regather");
  ASSERT_NE(first, all.end());
  EXPECT_THAT(std::vector<std::string>(first, first + 6),
              ElementsAre("~mlp.up.regather", "mlp.up.dgrad", "!mlp.up.regather", "~mlp.up.dgrad.reduce",
                          "mlp.up.wgrad", "!mlp.up.dgrad.reduce"));
}

TEST(DenseLayer, TensorParallelWithoutSequenceParallelReducesWholeTensors) {
  const auto forward = layer_forward(small_dense_model(), tensor_plan(4, false));
  const auto backward = layer_backward(small_dense_model(), tensor_plan(4, false));
  for (const auto& ops : {forward, backward}) {
    EXPECT_EQ(traffic_of(ops, CollectiveOp::kAllReduce, CommClass::kTensor).calls, 2);
    EXPECT_EQ(traffic_of(ops, CollectiveOp::kAllReduce, CommClass::kTensor).bytes, 2 * kBuffer);
    EXPECT_EQ(traffic_of(ops, CollectiveOp::kAllGather, CommClass::kTensor).calls, 0);
  }
  EXPECT_EQ(std::get<VectorKernel>(find(forward, "attn.norm").kernel).read.value(), kBuffer);
  expect_matched_events(backward);
}

TEST(DenseLayer, TensorParallelismSplitsTheWork) {
  const double one = gemm_flops(layer_forward(small_dense_model(), small_plan()));
  for (std::int64_t tensor : {2, 4, 8}) {
    for (bool sequence : {false, true}) {
      const auto ops = layer_forward(small_dense_model(), tensor_plan(tensor, sequence));
      EXPECT_EQ(gemm_flops(ops) * static_cast<double>(tensor), one);
    }
  }
}

TEST(DenseLayer, TensorOverlapKeepsFlopsAndBytes) {
  for (std::int64_t tensor : {2, 4, 8}) {
    for (bool sequence : {false, true}) {
      PlanSpec plain = tensor_plan(tensor, sequence), overlapped = plain;
      overlapped.overlap.tensor = true;
      for (auto build : {layer_forward, layer_backward}) {
        const auto a = build(small_dense_model(), plain, false), b = build(small_dense_model(), overlapped, false);
        EXPECT_EQ(gemm_flops(a), gemm_flops(b));
        for (auto op : {CollectiveOp::kAllGather, CollectiveOp::kReduceScatter, CollectiveOp::kAllReduce}) {
          EXPECT_EQ(traffic_of(a, op, CommClass::kTensor).bytes, traffic_of(b, op, CommClass::kTensor).bytes);
        }
        expect_matched_events(b);
        // Nothing of the tensor class blocks any more.
        EXPECT_TRUE(std::none_of(b.begin(), b.end(), [](const Op& op) { return op.kind == Op::Kind::kComm; }));
      }
    }
  }
}

TEST(DenseLayer, SandwichNormsAndQkNorm) {
  ModelSpec model = small_dense_model();
  model.norms_per_layer = 4;
  model.attention.qk_norm = true;
  model.gated_mlp = false;
  model.position = PositionKind::kLearned;
  EXPECT_THAT(
      names(layer_forward(model, small_plan())),
      ElementsAre("attn.norm", "attn.qkv", "attn.qk_norm", "attn.core", "attn.out", "attn.post_norm", "attn.residual",
                  "mlp.norm", "mlp.up", "mlp.activation", "mlp.down", "mlp.post_norm", "mlp.residual"));
  EXPECT_EQ(std::get<GemmKernel>(find(layer_forward(model, small_plan()), "mlp.up").kernel).n, 1024);
}

TEST(Recompute, FullRunsTheForwardPassAgainWithItsCollectives) {
  PlanSpec plan = tensor_plan(4, true);
  const auto forward = layer_forward(small_dense_model(), plan);
  const auto plain = layer_backward(small_dense_model(), plan);
  plan.recompute = Recompute::kFull;
  const auto backward = layer_backward(small_dense_model(), plan);
  ASSERT_EQ(backward.size(), forward.size() + plain.size());
  for (std::size_t i = 0; i < backward.size(); ++i) {
    EXPECT_EQ(backward[i].recompute, i < forward.size());
    EXPECT_EQ(backward[i].name, i < forward.size() ? forward[i].name + ".recompute" : plain[i - forward.size()].name);
  }
  EXPECT_EQ(gemm_flops(backward), gemm_flops(forward) + gemm_flops(plain));
  EXPECT_EQ(traffic_of(backward, CollectiveOp::kReduceScatter, CommClass::kTensor).calls, 4);
}

TEST(Recompute, SelectiveRunsTheCheapPartsAgain) {
  PlanSpec plan = small_plan();
  plan.recompute = Recompute::kSelective;
  std::vector<std::string> again;
  for (const Op& op : layer_backward(small_dense_model(), plan)) {
    if (op.recompute) again.push_back(op.name);
  }
  EXPECT_THAT(again, ElementsAre("attn.norm.recompute", "mlp.norm.recompute", "mlp.activation.recompute"));
}

TEST(Fp8, OperandsAreCastAndTheCoreStaysInBf16) {
  PlanSpec plan = small_plan();
  plan.compute = Precision::kFp8;
  const auto forward = layer_forward(small_dense_model(), plan);
  EXPECT_EQ(std::get<GemmKernel>(find(forward, "attn.qkv").kernel).precision, Precision::kFp8);
  EXPECT_EQ(std::get<AttentionKernel>(find(forward, "attn.core").kernel).precision, Precision::kBf16);
  const auto cast = std::get<VectorKernel>(find(forward, "attn.qkv.cast").kernel);
  EXPECT_EQ(cast.read.value(), kBuffer);
  EXPECT_NEAR(cast.written.value(), kBuffer, 0.01 * kBuffer);  // two one-byte copies
  const auto backward = layer_backward(small_dense_model(), plan);
  EXPECT_EQ(std::get<VectorKernel>(find(backward, "mlp.up.grad_cast").kernel).read.value(), kTokens * 2048 * 2);
}

}  // namespace
}  // namespace supernode
