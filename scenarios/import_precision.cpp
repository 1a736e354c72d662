// Number formats of a published run.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

struct PrecisionName {
  std::string_view text;  // how the column begins, lower case
  std::string_view compute;
  std::string_view assumption;
};

// The first that matches. "FP8" of Transformer Engine is per tensor (delayed or current scaling, CS); MX is block
// scaling in hardware; DeepSeek's "FP8 mixed" scales blocks in software (arXiv 2412.19437, section 3.3).
// MLPerf Training v5.1 of Llama 3.1 405B: NVIDIA trained it in NVFP4 ("NVIDIA Blackwell Architecture Sweeps MLPerf
// Training v5.1 Benchmarks", developer.nvidia.com).
constexpr std::array kPrecisions = {
    PrecisionName{"fp8/nvfp4", "fp8", "fp8: the submission holds fp8 and nvfp4 configurations"},
    PrecisionName{"fp4 (nvfp4) or fp8", "fp4", "nvfp4, of the two configurations that the submission holds"},
    PrecisionName{"nvfp4", "fp4", ""},
    PrecisionName{"mxfp8", "mxfp8", ""},
    PrecisionName{"fp8-mx", "mxfp8", ""},
    PrecisionName{"fp8 mixed", "fp8_block", ""},
    PrecisionName{"fp8", "fp8", ""},
    PrecisionName{"bf16", "bf16", ""},
    PrecisionName{"amp", "bf16", "AMP computes in bf16"},
    PrecisionName{"fp16", "fp16", ""},
    PrecisionName{"int8", "int8", ""},
    PrecisionName{"", "bf16", "bf16: the row gives no precision"},
};

std::string_view compute_of(RunImport& import) {
  const std::string text = lower_case(import.run.precision), notes = lower_case(import.run.notes);
  const auto& named = *std::find_if(kPrecisions.begin(), kPrecisions.end(),
                                    [&](const PrecisionName& each) { return text.starts_with(each.text); });
  if (named.assumption.empty()) return named.compute;
  if (contains(text, "nvfp4") && contains(notes, "_fp4")) return "fp4";  // the configuration file's name tells
  import.assume(std::string(named.assumption));
  return named.compute;
}

// DeepSeek-V3, arXiv 2412.19437, section 3.3.3: activations are dispatched in fp8 and combined in bf16, inputs of
// SwiGLU are kept in fp8, moments in bf16.
void set_deepseek_recipe(RunImport& import) {
  import.yaml.set_word("plan.precision.dispatch", "fp8_block");
  import.yaml.set_word("plan.precision.activation", "fp8_block");
}

// Composer's PURE keeps parameters, gradients and reductions in the low format; DEFAULT reduces in fp32.
bool is_pure(const PublishedRun& run) { return contains(run.overlap, "mixed precision PURE"); }

}  // namespace

void import_precision(RunImport& import) {
  const std::string_view compute = compute_of(import);
  const bool half = compute == "fp16";
  const StackDefaults& stack = import.stack;
  YamlBuilder& yaml = import.yaml;
  Precision gradient = half ? stack.gradient_fp16 : stack.gradient, reduce = half ? stack.reduce_fp16 : stack.reduce;
  if (is_pure(import.run)) gradient = reduce = half ? Precision::kFp16 : Precision::kBf16;
  yaml.set_word("plan.precision.compute", compute);
  if (half) {
    for (const char* key : {"parameter", "gather", "activation"}) {
      yaml.set_word(fmt::format("plan.precision.{}", key), "fp16");
    }
  } else if (compute == "fp8" && stack.fp8_gather) {
    yaml.set_word("plan.precision.gather", "fp8");
  } else if (stack.narrow_blocks && (compute == "mxfp8" || (compute == "fp4" && import.kind == RunKind::kLora))) {
    yaml.set_flag("plan.precision.narrow_weights", true);
  }
  yaml.set_word("plan.precision.gradient", to_string(gradient));
  yaml.set_word("plan.precision.reduce", to_string(reduce));
  if (compute == "fp8_block") set_deepseek_recipe(import);
  if (stack.moment != Precision::kFp32) yaml.set_word("plan.optimizer.moment", to_string(stack.moment));
}

}  // namespace supernode
