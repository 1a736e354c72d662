#pragma once
// Measured kernels, one a row of a CSV file with the columns
//   chip, op (gemm, grouped_gemm, attention, mla, vector), phase (fwd, dgrad, wgrad, bwd, prefill), dtype, m, n, k,
//   groups, batch, heads, kv_heads, head_dim, head_dim_v, seq_q, seq_kv, causal, accumulate, time_us, tflops, note,
//   source
// of which chip, op and one of time_us and tflops are needed. Conventions of published sets that are undone here:
//   - note "sdp_*": causal attention whose rate counts the full square;
//   - note "…wgrad" or "bwd_grad_w" of a grouped GEMM: m is the tokens of a group, that is, the reduced dimension;
//   where
//     one shape was timed twice the slower time is that of accumulation in fp32 (MooreThreads/SimuMax has both);
//   - a grouped GEMM whose time and rate agree only so: m is the rows of all groups together;
//   - "fp8" GEMMs of DeepGEMM and of InferSim, which runs it, are block-scaled;
//   - op batched_gemm: `batch` products, each with a B of its own;
//   - note "mla_prefill cfg=A-V-R": q/k width A+R, v width V; "mla_decode cfg=H-L-R": one latent of width L+R for all
//     heads, whose first L columns are the values;
//   - attention "fwd hdD" with no heads: FlashAttention's benchmark, 16384 tokens and hidden 2048 (arXiv
//     2407.08608, 4.1);
//   - decode dtype "bf16/kv_F": F is the format of the cache, which decides the time. aiconfigurator's decode rows of
//   the
//     A100 are faster than its memory could deliver a bf16 cache (up to 1.7 times): they are read as those of int8;
//   - fp16 counts as bf16 (same rate and size on every chip here), nvfp4 as fp4, "int8(…)" as int8, "mxfp4 kernel" as
//     mxfp8 (the sample's input table and its rate say so).

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/kernel.hpp"
#include "base/quantity.hpp"

namespace supernode {

struct KernelTraceRow {
  Kernel kernel;
  std::string unusable;  // why the row stands for no kernel ("" when it does); `kernel` and `measured` are then empty
  Seconds measured{};
  // Another kernel than training runs for the class by now, fitted apart: "fa2", "triton" of attention on Hopper;
  // "grouped", the kernel of many experts run for one, which has the dense kernel's shape; "" is the class's own.
  std::string library;
  bool training = false;  // measured with the kernels of a training framework ("…_train", "sdp_…")
  // Measured with a neighbour fused or timed along: the quantisation of A for a GEMM, rope and the KV-cache write for
  // prefill attention. The fit takes it apart.
  bool with_neighbour = false;
  std::string chip, note, source;
  SourcePosition position;
};

// Every well-formed row, also those that stand for no kernel.
std::optional<std::vector<KernelTraceRow>> read_kernel_rows(const SourceFile& file, Diagnostics& diagnostics);

// Rows that stand for a kernel, of the chips whose name is `chip_filter` or begins with it and a dash ("h100" takes
// "h100-sxm"); "" takes all. Ill-formed cells and rows without time and rate are reported and left out. Absent when the
// header is wrong.
std::optional<std::vector<KernelTraceRow>> read_kernel_trace(const SourceFile& file, const std::string& chip_filter,
                                                             Diagnostics& diagnostics);

}  // namespace supernode
