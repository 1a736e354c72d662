#include "tools/refit_chips/recipes.hpp"

#include <algorithm>
#include <variant>

namespace supernode {
namespace {

using Rows = std::vector<KernelTraceRow>;

const std::string kAic = "ai-dynamo/aiconfigurator kernel database (inference GEMM, prefill attention)";
const std::string kSimuMax = "MooreThreads/SimuMax training kernels";
const std::string kLlmCompass = "PrincetonUniversity/LLMCompass figure 5, A100, largest of the sizes measured";
const std::string kAzure = "Azure/AI-benchmarking-guide, HBM triad over the datasheet's bandwidth";

// How much less certain a fit is on a chip of another generation, beyond what borrowing from a sibling adds.
constexpr double kNextGeneration = 2;

// LLMCompass on A100 (2.039 TB/s): layer norm 385.8 and softmax 278.8 Gelem/s, 2 bytes read and 2 written each.
constexpr double kNormShare = 385.8e9 * 4 / 2.039e12;
constexpr double kSoftmaxShare = 278.8 * 4e9 / 2.039e12;

void set(KernelFit& fit, const std::string& name, double value, const std::string& source,
         Confidence confidence = Confidence::kDerived) {
  fit.parameters[name] = {value, source, confidence};
}

void set_vector(KernelFit& fit, const std::string& kind, double share, const std::string& source, Confidence confidence,
                double deviation) {
  set(fit, "vector." + kind + ".memory", share, source, confidence);
  set(fit, "vector." + kind + ".deviation", deviation, "spread between shapes and kinds of the source",
      Confidence::kAssumed);
}

void set_norm_and_softmax_of_a100(KernelFit& fit) {
  set_vector(fit, "norm", kNormShare, "A100 share; " + kLlmCompass, Confidence::kDerived, 0.2);
  set_vector(fit, "softmax", kSoftmaxShare, "A100 share; " + kLlmCompass, Confidence::kDerived, 0.2);
}

// A chip without backward traces: forward's rate times the ratio that A100 and B200 show.
void set_backward_attention(KernelFit& fit, double head_half, const std::string& head_half_source, double deviation) {
  const std::string prefix = "attention.backward.bf16.";
  set(fit, prefix + "efficiency", fit.parameters["attention.forward.bf16.efficiency"].value * 0.78,
      "forward's efficiency times 0.78, the ratio of backward to forward in the A100 and B200 traces");
  set(fit, prefix + "head_half", head_half, head_half_source);
  set(fit, prefix + "block", 128, "as in the A100 traces");
  set(fit, prefix + "padding", 1, "as in the A100 and B200 traces");
  set(fit, prefix + "sequence_ramp", 107, "as in the A100 traces");
  set(fit, prefix + "tail", 0.39, "as in the A100 traces");
  set(fit, prefix + "deviation", deviation, "no trace of its own", Confidence::kAssumed);
}

// Where the fit has such a class at all.
void scale_efficiency(KernelFit& fit, const std::string& group, double factor, const std::string& source) {
  const auto found = fit.parameters.find(group + ".efficiency");
  if (found != fit.parameters.end())
    found->second = {std::min(found->second.value * factor, 1.0), source, Confidence::kDerived};
}

// Another format of the same chip: its losses.
void copy_class(KernelFit& fit, const std::string& from, const std::string& to, const std::string& source) {
  const KernelFit own = fit;
  for (const auto& [name, value] : own.parameters)
    if (name.starts_with(from)) set(fit, to + name.substr(from.size()), value.value, source + ", " + value.source);
}

// Attention of many query rows, or all the rest.
Rows only(const Rows& rows, bool attention) {
  Rows out;
  for (const KernelTraceRow& row : rows) {
    const auto* a = std::get_if<AttentionKernel>(&row.kernel);
    if ((a != nullptr && a->seq_q > 1) == attention) out.push_back(row);
  }
  return out;
}

Rows join(Rows a, const Rows& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Refit {
 public:
  explicit Refit(const RefitInput& input) : in_(input) {}

  std::map<std::string, KernelFit> run() {
    pcie_ = fit("a100-pcie", in_.rows("a100-pcie"));
    a100();
    hopper();
    blackwell();
    ascend("ascend-910b");
    ascend("ascend-910c");
    ascend_relatives();
    return std::move(out_);
  }

 private:
  KernelFit fit(const std::string& chip, const Rows& rows) const { return fit_kernels(in_.chip(chip), rows).fit; }

  // A chip without rows: all of a relative's shares, over the chip's own peaks.
  static KernelFit relative(const KernelFit& of, const std::string& name, const std::string& why,
                            double deviation = 1) {
    KernelFit f;
    f.launch = of.launch;
    f.launch.source = name + ", " + of.launch.source;
    f.traces = "none of its own: all from " + name + ", " + why;
    borrow_missing(f, of, name);
    for (auto& [key, value] : f.parameters)
      if (key.ends_with("deviation")) value.value *= deviation;
    if (deviation > 1) f.residuals.clear();  // another generation has other kernels
    return f;
  }

  void a100() {
    KernelFit f = fit("a100", join(in_.rows("a100-sxm"), only(in_.rows("a100-pcie"), true)));
    f.traces = kAic + "; " + kSimuMax + " on A100 PCIe (attention, and the ratio of the training passes)";
    set_vector(f, "elementwise", 1.70 / 2.039, kAzure + " (1.70 of 2.039 TB/s)", Confidence::kMeasured, 0.12);
    set_vector(f, "norm", kNormShare, kLlmCompass + ": layer norm, 385.8 Gelem/s, 4 bytes each", Confidence::kMeasured,
               0.15);
    set_vector(f, "softmax", kSoftmaxShare, kLlmCompass + ": softmax, 4 bytes each", Confidence::kMeasured, 0.15);
    borrow_missing(f, pcie_, "A100 PCIe");
    out_["a100"] = f;
    KernelFit pcie = pcie_;
    pcie.traces = kSimuMax + " on A100 PCIe; the rest from A100, the same silicon at less power";
    borrow_missing(pcie, f, "A100");
    out_["a100-pcie"] = pcie;
    out_["a100-40gb"] = relative(f, "A100", "the same silicon with half the memory");
    out_["a800"] = relative(f, "A100", "the same silicon with fewer links");
  }

  void hopper() {
    const Rows h800_rows = in_.rows("h800");
    KernelFit h100 = fit("h100", join(in_.rows("h100"), only(h800_rows, true)));
    KernelFit h800 = fit("h800", only(h800_rows, false));
    h100.traces = kAic +
                  "; FlashAttention-3 and cuDNN (arXiv 2407.08608, pytorch/benchmark); Azure fp8; MLA and grouped GEMM "
                  "of H800: alibaba/InferSim";
    set_backward_attention(h100, h100.parameters["attention.forward.bf16.head_half"].value * 0.83,
                           "as in the A100 traces (backward over forward: 0.83)", 0.15);
    set_vector(h100, "elementwise", 2.97 / 3.35, kAzure + " (2.97 of 3.35 TB/s)", Confidence::kMeasured, 0.12);
    set_norm_and_softmax_of_a100(h100);
    borrow_missing(h100, h800, "H800");
    borrow_missing(h100, pcie_, "A100 PCIe");

    h800.traces =
        "deepseek-ai/DeepGEMM README and alibaba/InferSim (block-scaled fp8, dense and grouped; decode); the rest from "
        "H100, "
        "the same silicon";
    borrow_missing(h800, h100, "H100");

    KernelFit h200;
    h200.launch = h100.launch;
    h200.traces = "none of its own: all from H100, the same silicon with faster memory";
    set_vector(h200, "elementwise", 4.15 / 4.8, kAzure + " (4.15 of 4.8 TB/s)", Confidence::kMeasured, 0.12);
    borrow_missing(h200, h100, "H100");
    out_["h100"] = h100;
    out_["h800"] = h800;
    out_["h200"] = h200;
    h20(h100);
  }

  // Its matrix units run at a quarter of what its SM and clock could do, so power and caches do not bind.
  void h20(const KernelFit& h100) {
    KernelFit f = fit("h20", in_.rows("h20"));
    f.traces =
        "alibaba/InferSim (block-scaled fp8, dense and grouped, bf16 prefill, decode); the rest from H100, the same "
        "silicon with fewer SM and throttled matrix units";
    set_backward_attention(f, f.parameters["attention.forward.bf16.head_half"].value * 0.83,
                           "as in the A100 traces (backward over forward: 0.83)", 0.2);
    borrow_missing(f, h100, "H100", matrix_headroom(in_.chip("h20"), in_.chip("h100")));
    out_["h20"] = f;
  }

  void blackwell() {
    KernelFit b200 = fit("b200", in_.rows("b200"));
    b200.traces = kAic + "; " + kSimuMax + " on B200 (attention, grouped GEMM, training passes)";
    set_vector(b200, "elementwise", 2.97 / 3.35, "H100 share; " + kAzure, Confidence::kDerived, 0.15);
    set_norm_and_softmax_of_a100(b200);
    KernelFit gb200 = fit("gb200", in_.rows("gb200"));
    gb200.traces = kAic + "; backward passes, grouped GEMM and attention backward from B200";
    borrow_missing(gb200, b200, "B200");
    out_["b200"] = b200;
    out_["gb200"] = gb200;
    blackwell_ultra("b300", b200, "B200", {1878.0 / 1716, 3376.0 / 3151, 5988.0 / 4547 * 9 / 14});
    blackwell_ultra("gb300", gb200, "GB200", {2107.0 / 1929, 3749.0 / 3493, 6463.0 / 5202 * 10 / 15});
    out_["rubin"] =
        relative(gb200, "GB200", "the generation before: no measurement of this chip is public", kNextGeneration);
  }

  // Share of the peak that the best GEMM of the AIC database reaches, over that of the relative's best.
  struct BestGemm {
    double bf16, fp8, fp4;
  };

  // The best prefill attention of the AIC database, GB300 over GB200 at the same peaks: 1612 of 1343 TFLOPS in bf16,
  // 2151 of 1649 in fp8. Blackwell Ultra has twice the exponential units. Backward is left as it was.
  void blackwell_ultra(const std::string& name, const KernelFit& sibling, const std::string& of, const BestGemm& best) {
    KernelFit f = relative(sibling, of, "the generation before with more fp4 and exponential units");
    const std::string source = of + " times the ratio of the best kernels; " + kAic;
    scale_efficiency(f, "gemm.bf16", best.bf16, source);
    for (const char* fp8 : {"gemm.fp8", "gemm.fp8_block", "grouped_gemm.fp8", "grouped_gemm.fp8_block"})
      scale_efficiency(f, fp8, best.fp8, source);
    scale_efficiency(f, "grouped_gemm.bf16", best.bf16, source);
    scale_efficiency(f, "gemm.fp4", best.fp4, source);
    scale_efficiency(f, "attention.forward.bf16", 1612.0 / 1343, source);
    scale_efficiency(f, "attention.forward.fp8", 2151.0 / 1649, source);
    out_[name] = f;
  }

  // The 910B and the 910C's die have the same cores: one fit of both chips' rows.
  void ascend(const std::string& name) {
    KernelFit f = fit(name, join(join(in_.rows("ascend-910c"), in_.rows("ascend-910b")), in_.rows("ascend-910b1")));
    f.traces =
        "910B and 910C dies together: Horacehxw/msModeling (in-model), cannmirror/pto-isa, asc-devkit and catlass "
        "samples, CloudMatrix384 Table 10; attention from CloudMatrix384 Tables 8-9 and in-model prefill";
    const std::string points =
        "three published points: MLA at widths 576/512 uses 65.4 % of the peak (arXiv 2506.12708 Table 8); at width "
        "128 "
        "prefill of 11 sequences of 41,040 tokens with 4 heads takes 1286 us, 34 % (Horacehxw/msModeling; lengths "
        "taken as "
        "equal), and 4096 more keys for 16 blocks of rows 35 us, 52 % of their cores (cannmirror/pto-isa, torch_jit "
        "flash_atten, npu_fused_attention): 42 % between the two";
    const std::string prefix = "attention.forward.bf16.", siblings = "as in the A100 and H100 traces";
    set(f, prefix + "efficiency", 0.79, points);
    set(f, prefix + "head_half", 112, points);
    set(f, prefix + "padding", 0.3, siblings);
    set(f, prefix + "sequence_ramp", 100, siblings);
    set(f, prefix + "tail", 0.5, siblings);
    set(f, prefix + "block", 128, siblings);
    set(f, prefix + "deviation", 0.2, "the two points at width 128 lie 0.2 in ln from their mean",
        Confidence::kAssumed);
    set_backward_attention(f, 112, "as forward's", 0.25);
    borrow_missing(f, pcie_, "A100 PCIe");
    out_[name] = f;
  }

  void ascend_relatives() {
    const KernelFit& of = out_.at("ascend-910b");
    out_["ascend-910b-313t"] = relative(of, "910B", "the same cores, fewer of them");
    out_["ascend-910a"] = relative(of, "910B", "the generation after", kNextGeneration);
    KernelFit pr = fit("ascend-950pr", in_.rows("ascend-950pr"));
    pr.traces =
        "cannmirror/asc-devkit and pto-isa samples (bf16, mxfp8, mxfp4 GEMM, one size or few); the rest from 910B";
    copy_class(pr, "gemm.mxfp8.", "gemm.bf16.",
               "this chip's mxfp8");  // bf16 has a single shape, 8192 in each direction
    for (const char* kind : {"gemm.mxfp8", "gemm.bf16"})
      set(pr, std::string(kind) + ".deviation", 0.15, "four shapes of hand-tuned samples", Confidence::kAssumed);
    borrow_missing(pr, of, "910B");
    out_["ascend-950pr"] = pr;
    out_["ascend-950dt"] = relative(pr, "950PR", "the same cores, more of them, faster memory");
  }

  const RefitInput& in_;
  KernelFit pcie_;  // A100 PCIe: the training-shaped rows, for ratios between passes
  std::map<std::string, KernelFit> out_;
};

}  // namespace

std::map<std::string, KernelFit> refit_all(const RefitInput& input) { return Refit(input).run(); }

}  // namespace supernode
