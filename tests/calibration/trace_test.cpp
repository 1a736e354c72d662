// Reading of kernel and collective traces.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibration/collective_trace.hpp"
#include "calibration/trace_csv.hpp"

namespace supernode {
namespace {

const std::string kHeader =
    "chip,op,phase,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim,head_dim_v,seq_q,seq_kv,causal,accumulate,time_us,"
    "tflops,note,source\n";

std::vector<KernelTraceRow> kernels(const std::string& lines, Diagnostics& diagnostics, const std::string& chip = "") {
  const auto rows = read_kernel_trace({"t.csv", kHeader + lines}, chip, diagnostics);
  EXPECT_TRUE(rows.has_value()) << diagnostics.render();
  return rows.value_or(std::vector<KernelTraceRow>{});
}

KernelTraceRow one(const std::string& line) {
  Diagnostics diagnostics;
  const auto rows = kernels(line + "\n", diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(rows.size(), 1u);
  return rows.at(0);
}

TEST(KernelTrace, Gemm) {
  const KernelTraceRow row = one("h100-sxm,gemm,dgrad,bf16,4,5,6,,,,,,,,,,,12.5,,\"note, quoted\",src");
  const auto& g = std::get<GemmKernel>(row.kernel);
  EXPECT_EQ(std::tuple(g.m, g.n, g.k, g.groups), std::tuple(4, 5, 6, 1));
  EXPECT_EQ(g.pass, Pass::kDgrad);
  EXPECT_DOUBLE_EQ(row.measured.value(), 12.5e-6);
  EXPECT_EQ(row.note, "note, quoted");
  EXPECT_EQ(row.position.line, 2);
}

TEST(KernelTrace, RateAloneGivesTime) {
  const KernelTraceRow row = one("x,gemm,fwd,fp16,1000,1000,1000,,,,,,,,,,,,2,,");
  EXPECT_DOUBLE_EQ(row.measured.value(), 1e-3);  // 2 GFLOP at 2 TFLOP/s
}

TEST(KernelTrace, GroupedWgradReducesOverTheTokens) {
  const auto g = std::get<GemmKernel>(
      one("x,grouped_gemm,wgrad,bf16,616,5120,1536,40,,,,,,,,,,,162,grouped_gemm_train bwd_grad_w,").kernel);
  EXPECT_EQ(std::tuple(g.m, g.n, g.k), std::tuple(5120, 1536, 616));
  EXPECT_TRUE(g.accumulate);
}

TEST(KernelTrace, RowsOfAllGroupsTogetherAreDivided) {
  // 2 x 8192 x 8192 x 1024 FLOP in 299.286 us is 459.2 TFLOP/s: the 8192 rows are those of all 8 groups.
  const auto g = std::get<GemmKernel>(one("x,grouped_gemm,fwd,int8,8192,8192,1024,8,,,,,,,,,,299.286,459.22,,").kernel);
  EXPECT_EQ(g.m, 1024);
}

TEST(KernelTrace, FullSquareRatesOfCausalAttentionAreHalved) {
  const KernelTraceRow row = one("x,attention,fwd,bf16,,,,,1,16,2,128,128,4096,4096,,,,400,sdp_fwd qk_dim=128,");
  const auto& a = std::get<AttentionKernel>(row.kernel);
  EXPECT_TRUE(a.causal && row.training);
  EXPECT_NEAR((flops(row.kernel) / row.measured).value(), 200e12, 1);
}

TEST(KernelTrace, FlashAttentionBenchmarkHas16384TokensAndHidden2048) {
  const auto a =
      std::get<AttentionKernel>(one("x,attention,fwd,fp16,,,,,,,,128,,4096,4096,1,,,579,FA3 fwd hd128 causal,").kernel);
  EXPECT_EQ(std::tuple(a.batch, a.heads, a.kv_heads, a.head_dim_v), std::tuple(4, 16, 16, 128));
}

TEST(KernelTrace, MlaWidthsComeFromTheNote) {
  const auto a = std::get<AttentionKernel>(
      one("x,mla,prefill,bf16,,,,,1,128,,,,4096,4096,,,1104,622,mla_prefill cfg=128-128-64,").kernel);
  EXPECT_EQ(std::tuple(a.head_dim, a.head_dim_v), std::tuple(192, 128));
}

TEST(KernelTrace, FiltersByChip) {
  Diagnostics diagnostics;
  const std::string lines = "b200-sxm,gemm,fwd,bf16,1,1,1,,,,,,,,,,,1,,,\ngb200,gemm,fwd,bf16,1,1,1,,,,,,,,,,,1,,,\n";
  EXPECT_EQ(kernels(lines, diagnostics, "b200").size(), 1u);
  EXPECT_EQ(kernels(lines, diagnostics, "").size(), 2u);
}

TEST(KernelTrace, RowsWithoutAShapeSayWhy) {
  Diagnostics diagnostics;
  const std::string lines =
      "x,gemm,fwd,bf16,,,,,,,,,,,,,,,304,,\nx,vector,fwd,bf16,8,8,,,,,,,,,,,,5,,Sort,\nx,gemm,fwd,int3,1,1,1,,,,,,,,,,,"
      "5,,,\n";
  EXPECT_TRUE(kernels(lines, diagnostics).empty());
  const auto rows = read_kernel_rows({"t.csv", kHeader + lines}, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].unusable, "the row has no shape");
  EXPECT_EQ((*rows)[1].unusable, "what 'Sort' reads and writes is not known");
  EXPECT_EQ((*rows)[2].unusable, "unknown format 'int3'");
}

TEST(KernelTrace, DecodeReadsTheCacheInItsOwnFormat) {
  const auto a = std::get<AttentionKernel>(
      one("x,attention,decode,bf16/kv_fp8,,,,,4,32,8,128,,1,4096,,,20,,mha_decode cfg=32-8-128,").kernel);
  EXPECT_EQ(a.precision, Precision::kFp8);
  EXPECT_FALSE(a.causal);
  EXPECT_EQ(std::tuple(a.seq_q, a.seq_kv, a.kv_heads, a.head_dim_v), std::tuple(1, 4096, 8, 128));
}

TEST(KernelTrace, MlaDecodeReadsOneLatent) {
  const KernelTraceRow row = one("x,mla,decode,bf16/kv_bf16,,,,,1,128,,,,1,4096,,,20,,mla_decode cfg=128-512-64,");
  const auto& a = std::get<AttentionKernel>(row.kernel);
  EXPECT_EQ(std::tuple(a.kv_heads, a.head_dim, a.head_dim_v), std::tuple(1, 576, 512));
  // The latent of 4096 tokens once, queries and results of 128 heads: 2 x (4096 x 576 + 128 x (576 + 512)) bytes.
  EXPECT_DOUBLE_EQ(traffic(row.kernel).value(), 2.0 * (4096 * 576 + 128 * (576 + 512)));
}

TEST(KernelTrace, BatchedGemmHasAGroupAProduct) {
  const auto g = std::get<GemmKernel>(one("x,batched_gemm,fwd,bf16,5,128,512,,16,,,,,,,,,12.5,,,").kernel);
  EXPECT_EQ(std::tuple(g.m, g.groups), std::tuple(5, 16));
}

TEST(KernelTrace, DeepGemmIsBlockScaled) {
  EXPECT_EQ(std::get<GemmKernel>(one("x,gemm,fwd,fp8,5,6,7,,,,,,,,,,,1,,gemm,lab/DeepGEMM README").kernel).precision,
            Precision::kFp8Block);
}

TEST(KernelTrace, OtherLibrariesKernelsAreMarked) {
  EXPECT_EQ(one("x,attention,fwd,fp16,,,,,,,,128,,4096,4096,1,,,335,FA2 fwd hd128 causal,").library, "fa2");
  EXPECT_EQ(one("x,attention,fwd,fp16,,,,,,,,128,,4096,4096,1,,,579,FA3 fwd hd128 causal,").library, "");
  EXPECT_EQ(one("x,grouped_gemm,fwd,fp8,5,6,7,1,,,,,,,,,,1,,,").library, "grouped");
}

TEST(KernelTrace, TheFasterOfTwoGroupedWgradsDoesNotAccumulate) {
  Diagnostics diagnostics;
  const std::string row = "x,grouped_gemm,wgrad,bf16,616,5120,1536,40,,,,,,,,,,,";
  const std::string tail = ",grouped_gemm_train bwd_grad_w,\n";
  const auto rows = kernels(row + "162" + tail + row + "200" + tail, diagnostics);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(std::get<GemmKernel>(rows[0].kernel).accumulate);
  EXPECT_FALSE(std::get<GemmKernel>(rows[1].kernel).accumulate);
}

TEST(KernelTrace, ErrorsNameTheCell) {
  Diagnostics diagnostics;
  EXPECT_TRUE(
      kernels("x,gemm,fwd,bf16,4,five,6,,,,,,,,,,,1,,,\nx,gemm,fwd,bf16,4,5\nx,gemm,fwd,bf16,4,5,6,,,,,,,,,,,,,,\n",
              diagnostics)
          .empty());
  const std::string text = diagnostics.render();
  EXPECT_THAT(text, testing::HasSubstr("t.csv:2:19: error: column 'n': 'five' is not a number"));
  EXPECT_THAT(text, testing::HasSubstr("t.csv:3:1: error: 6 cells where the header has 21"));
  EXPECT_THAT(text, testing::HasSubstr("t.csv:4:1: error: a row needs a positive time_us or tflops"));
}

TEST(KernelTrace, MissingColumnsAreNamed) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_kernel_trace({"t.csv", "chip,op,phase,dtype,m,n,time_us,tflops\n"}, "", diagnostics));
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("missing column 'k'"));
  Diagnostics empty;
  EXPECT_FALSE(read_kernel_trace({"t.csv", ""}, "", empty));
  EXPECT_TRUE(empty.has_errors());
}

TEST(CollectiveTrace, ReadsRowsAndNamesWhatIsNoCollective) {
  const std::string text =
      "system,chip,software,op,ranks,nodes,bytes,tokens,hidden,topk,experts,dtype,time_us,busbw_GBps,note,source\r\n"
      "box,c,nccl,all_reduce,8,1,1048576,,,,,,25.4,72.24,n,s\r\n"
      "box,c,m,p2p_bw,2,1,,,,,,,,164,,\r\n"
      "box,c,deepep,ep_dispatch,64,,,128,7168,8,256,fp8,192,39,,\r\n";
  Diagnostics diagnostics;
  const auto rows = read_collective_trace({"c.csv", text}, diagnostics);
  ASSERT_TRUE(rows.has_value() && !diagnostics.has_errors()) << diagnostics.render();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].op, CollectiveOp::kAllReduce);
  EXPECT_DOUBLE_EQ((*rows)[0].time->value(), 25.4e-6);
  EXPECT_DOUBLE_EQ((*rows)[0].busbw->value(), 72.24e9);
  EXPECT_EQ((*rows)[1].other_op, "p2p_bw");
  EXPECT_EQ((*rows)[2].other_op, "");
  EXPECT_EQ((*rows)[2].experts, 256);
  EXPECT_EQ((*rows)[2].nodes, 0);
  EXPECT_FALSE((*rows)[2].bytes.has_value());
}

// 70 bytes from one of 8 ranks to all load each port as the gathering of 70·8/7 = 80 does.
TEST(CollectiveTrace, BroadcastIsTheGatherThatLoadsAPortAsMuch) {
  const std::string text =
      "system,op,ranks,bytes,time_us,busbw_GBps,dtype\n"
      "box,broadcast,8,70,9,,\n"
      "box,reduce,8,70,9,,\n"
      "box,ep_combine_low_precision,8,,9,,nvfp4\n";
  Diagnostics diagnostics;
  const auto rows = read_collective_trace({"c.csv", text}, diagnostics);
  ASSERT_TRUE(rows && rows->size() == 3u);
  EXPECT_EQ((*rows)[0].op, CollectiveOp::kAllGather);
  EXPECT_DOUBLE_EQ((*rows)[0].bytes->value(), 80);
  EXPECT_EQ((*rows)[1].op, CollectiveOp::kReduceScatter);
  EXPECT_EQ((*rows)[2].op, CollectiveOp::kEpCombine);
  EXPECT_TRUE((*rows)[2].low_precision_combine);
}

}  // namespace
}  // namespace supernode
