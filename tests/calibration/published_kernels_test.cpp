// The shipped fits against published figures, each with its source. The budget is a relative error of the time.

#include <gtest/gtest.h>

#include <cmath>

#include "calibration/kernel_cost.hpp"
#include "catalog_chips.hpp"

namespace supernode {
namespace {

struct Published {
  const char* chip;
  Kernel kernel;
  double tflops;  // reached, of one rank
  double budget;
  const char* source;
};

GemmKernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, Precision p = Precision::kBf16) {
  return {.m = m, .n = n, .k = k, .precision = p};
}

AttentionKernel attention(std::int64_t batch, std::int64_t heads, std::int64_t kv, std::int64_t seq, std::int64_t dim,
                          std::int64_t dim_v, bool causal, bool backward = false) {
  return {.batch = batch,
          .heads = heads,
          .kv_heads = kv,
          .seq_q = seq,
          .seq_kv = seq,
          .head_dim = dim,
          .head_dim_v = dim_v,
          .causal = causal,
          .backward = backward};
}

const char* const kAic = "ai-dynamo/aiconfigurator, gemm_perf tables, cuBLAS path";
const char* const kPto = "cannmirror/pto-isa, kernels/manual/a2a3/gemm_performance";
const char* const kMsm = "Horacehxw/msModeling, per-shape report, Atlas 800 A3, in-model";
const char* const kFa3 = "FlashAttention-3, arXiv 2407.08608";
const char* const kGemm = "deepseek-ai/DeepGEMM README, H800";
const char* const kInferSim = "alibaba/InferSim, bench_data of H20";
const char* const kSimu = "MooreThreads/SimuMax, rates halved to count causal work";

const Published kFigures[] = {
    {"a100", gemm(8192, 8192, 8192), 262.5, 0.10, kAic},
    {"a100", gemm(4096, 4096, 4096), 267.3, 0.10, kAic},
    {"a100", gemm(1024, 8192, 8192), 258.2, 0.10, kAic},
    {"a100", attention(1, 64, 8, 4096, 128, 128, true), 185.2, 0.10, kSimu},
    {"a100", attention(1, 64, 8, 4096, 128, 128, true, true), 156.8, 0.10, kSimu},
    {"a100", attention(1, 128, 128, 4096, 192, 128, true), 167.4, 0.10, kSimu},
    {"h100", gemm(8192, 8192, 8192), 782.7, 0.10, kAic},
    {"h100", gemm(4096, 4096, 4096), 788.6, 0.10, kAic},
    {"h100", gemm(8192, 7168, 2048), 769.9, 0.10, kAic},
    {"h100", gemm(128, 8192, 8192), 329.9, 0.10, kAic},
    {"h100", gemm(8192, 8192, 8192, Precision::kFp8), 1290.1, 0.10, "Azure/AI-benchmarking-guide, cuBLASLt"},
    {"h100", attention(1, 16, 16, 16384, 128, 128, true), 616, 0.10, kFa3},
    {"h100", attention(8, 16, 16, 2048, 128, 128, false), 625, 0.12, kFa3},
    {"h100", attention(2, 32, 32, 8192, 64, 64, true), 460, 0.12, kFa3},
    {"h800", gemm(4096, 7168, 16384, Precision::kFp8), 1426, 0.12, kGemm},
    {"h800", gemm(128, 7168, 16384, Precision::kFp8), 645, 0.15, kGemm},
    {"h800", gemm(4096, 4096, 7168, Precision::kFp8), 1265, 0.12, kGemm},
    {"h800", attention(1, 128, 128, 8192, 192, 128, true), 605.3, 0.10, "alibaba/InferSim, MLA prefill"},
    {"h20", gemm(8192, 7168, 5120, Precision::kFp8), 280.5, 0.10, kInferSim},
    {"h20", gemm(4096, 2048, 512, Precision::kFp8), 201.2, 0.15, kInferSim},
    {"h20", attention(1, 32, 8, 16384, 128, 128, true), 137.3, 0.10, kInferSim},
    {"a800", gemm(8192, 8192, 8192), 286, 0.15, "limulidae README: best GEMM, shape not stated"},
    {"gb200", gemm(4096, 4096, 4096), 1505, 0.20, kAic},
    {"gb200", gemm(8192, 8192, 8192), 1407, 0.25, kAic},
    {"gb200", gemm(8192, 16384, 8192), 1537, 0.20, kAic},
    {"b200", attention(1, 128, 16, 4096, 128, 128, true, true), 935.5, 0.12, kSimu},
    {"b200", attention(1, 64, 64, 32768, 192, 128, true, true), 730.0, 0.12, kSimu},
    {"ascend-910c", gemm(6144, 6144, 6144), 308.0, 0.10, kPto},
    {"ascend-910c", gemm(3072, 3072, 3072), 280.5, 0.10, kPto},
    {"ascend-910c", gemm(1536, 1536, 1536), 186.8, 0.15, kPto},
    {"ascend-910c", gemm(41040, 3200, 5120), 316.8, 0.10, kMsm},
    {"ascend-910c", gemm(41040, 5120, 1600), 270.5, 0.10, kMsm},
    {"ascend-910c", gemm(16, 3200, 5120), 16.32, 0.15, kMsm},
    {"ascend-910c", attention(11, 4, 1, 3731, 128, 128, true), 121.9, 0.10, kMsm},
    {"ascend-910b", gemm(4096, 8192, 3072), 256.7, 0.20, "Huawei Ascend C tuning guide, case MC2"},
    {"ascend-910b", gemm(8192, 8192, 8192), 274.0, 0.20, "cannmirror/asc-devkit, matmul_high_performance"},
    {"ascend-950pr", gemm(6144, 6144, 6144, Precision::kMxfp8), 770.5, 0.10, kPto},
    {"ascend-950pr", gemm(8192, 8192, 8192), 429.8, 0.20, "cannmirror/asc-devkit, matmul_high_performance"},
};

TEST(PublishedKernels, AreReproducedWithinTheirBudgets) {
  for (const Published& figure : kFigures) {
    const auto model = make_kernel_cost_model(test::catalog_chip(figure.chip));
    const double predicted = (flops(figure.kernel) / model->cost(figure.kernel).time).value() / 1e12;
    EXPECT_LT(std::abs(figure.tflops / predicted - 1), figure.budget)
        << figure.chip << ": " << predicted << " instead of " << figure.tflops << " TFLOPS; " << figure.source;
  }
}

// Kernels of a training step on every chip: none beats the roofline, and a large GEMM reaches a third of the peak.
TEST(PublishedKernels, EveryChipOfTheCatalogueRunsATrainingStep) {
  for (const EmbeddedFile& file : chip_catalog()) {
    const ChipSpec chip = test::catalog_chip(file.name);
    const auto model = make_kernel_cost_model(chip);
    for (const Precision p : kAllPrecisions) {
      const GemmKernel large = gemm(8192, 8192, 8192, p);
      const double share = flops(large) / model->cost(large).time / chip.device_peak(p);
      EXPECT_GT(share, 1.0 / 3) << file.name << ' ' << to_string(p);
      EXPECT_LE(share, 1) << file.name << ' ' << to_string(p);
    }
    for (const bool backward : {false, true}) {
      const AttentionKernel a = attention(2, 32, 8, 4096, 128, 128, true, backward);
      const double share = flops(a) / model->cost(a).time / chip.device_peak(Precision::kBf16);
      EXPECT_GT(share, 0.25) << file.name;
      EXPECT_LE(share, 1) << file.name;
    }
    const VectorKernel add{VectorKind::kElementwise, Bytes(2e9), Bytes(1e9), Flops(0)};
    const double share = Bytes(3e9) / model->cost(add).time / chip.device_hbm_bandwidth();
    EXPECT_GT(share, 0.5) << file.name;
    EXPECT_LE(share, 1) << file.name;
  }
}

// A relative's fit is over the chip's own peaks: a chip with more memory bandwidth alone is as fast where it computes.
TEST(PublishedKernels, RelativesDifferWhereTheirDatasheetsDo) {
  const auto big = make_kernel_cost_model(test::catalog_chip("a100")),
             a800 = make_kernel_cost_model(test::catalog_chip("a800")),
             small = make_kernel_cost_model(test::catalog_chip("a100-40gb"));
  const Kernel compute = gemm(8192, 8192, 8192);
  const Kernel memory = VectorKernel{VectorKind::kElementwise, Bytes(2e9), Bytes(1e9), Flops(0)};
  EXPECT_DOUBLE_EQ(a800->cost(compute).time.value(), big->cost(compute).time.value());
  EXPECT_NEAR(small->cost(compute).time / big->cost(compute).time, 1, 0.05);
  EXPECT_NEAR(small->cost(memory).time / big->cost(memory).time, 2.039 / 1.555, 1e-2);
  EXPECT_GT(small->cost(compute).deviation, big->cost(compute).deviation);
}

TEST(PublishedKernels, AscendVectorKernels) {
  const auto model = make_kernel_cost_model(test::catalog_chip("ascend-910c"));
  // SwiGLU of 41040 x 3200 bf16, 343 us: reads the input, writes half of it (Horacehxw/msModeling).
  const VectorKernel swiglu{VectorKind::kElementwise, Bytes(41040 * 3200 * 2.0), Bytes(41040 * 1600 * 2.0), Flops(0)};
  EXPECT_NEAR(model->cost(swiglu).time.value() / 343.05e-6, 1, 0.15);
  // Add and RMS norm of 2565 x 5120 bf16, 126 us, not among the rows of the fit: two tensors in, two out.
  const Bytes tensor(2565 * 5120 * 2.0);
  const VectorKernel norm{VectorKind::kNorm, 2 * tensor, 2 * tensor, Flops(0)};
  EXPECT_NEAR(model->cost(norm).time.value() / 126e-6, 1, 0.15);
}

}  // namespace
}  // namespace supernode
