// Which chains of small operations a published run had as one kernel, and how its tokens reached the experts.

#include "scenarios/import_families.hpp"
#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

void unfused(RunImport& import, const char* what, const char* why) {
  import.yaml.set_flag(std::string("plan.fused.") + what, false);
  import.assume(why);
}

// MindSpeed-LLM's scripts set --use-fused-rotary-pos-emb and --use-fused-swiglu for Megatron-Core models; those of its
// legacy models do not (examples/legacy). Its fused activation is SwiGLU's alone.
void import_layer_fusion(RunImport& import) {
  const bool legacy = contains(import.run.notes, "impl=Legacy") || contains(import.name, "legacy");
  if (model_family(import.name).gelu_gate) {
    unfused(import, "activation", "a gate by GELU runs as three operations: the fused kernel is SwiGLU's");
  } else if (legacy && import.gated) {
    unfused(import, "activation", "SwiGLU and rotation unfused, as in the scripts of legacy models");
  }
  if (legacy) import.yaml.set_flag("plan.fused.rope", false);
}

// Of releases up to 2.0.0 the scripts with --moe-grouped-gemm are those that set its fused permutation or the overlap
// inside the experts; runs that drop tokens pad them instead and go without it (MindSpeed-LLM, tests/ and examples/).
bool groups_experts(const RunImport& import) {
  const std::string text = lower_case(import.run.overlap), source = lower_case(import.run.source);
  for (const char* flag : {"use-fused-moe-token-permute", "moe-alltoall-overlap-comm", "moe-fb-overlap"}) {
    if (contains(text, flag) || contains(import.run.notes, flag)) return true;
  }
  const bool early = contains(source, "1.0.") || contains(source, "2.0.0");
  return !early && !contains(import.run.notes, "moe-expert-capacity-factor");
}

void import_expert_fusion(RunImport& import) {
  import.yaml.set_word("plan.routing.dispatcher", import.stack.dispatcher);
  const std::string text = lower_case(import.run.overlap);
  for (const auto& [phrase, word] : dispatcher_phrases()) {
    if (contains(text, phrase)) import.yaml.set_word("plan.routing.dispatcher", word);
  }
  if (import.stack.memory != "mindspeed") return;
  unfused(import, "routing", "choosing experts and counting their tokens are Megatron-Core's operations, one by one");
  if (!groups_experts(import)) unfused(import, "experts", "experts are multiplied one by one: no grouped product");
}

}  // namespace

const std::vector<std::pair<std::string_view, std::string_view>>& dispatcher_phrases() {
  static const std::vector<std::pair<std::string_view, std::string_view>> kPhrases = {
      {"dispatcher=allgather", "gather"}, {"dispatcher=alltoall", "copies"}, {"alltoall_seq", "copies"},
      {"moe-alltoall-overlap", "copies"}, {"moe-fb-overlap", "copies"},
  };
  return kPhrases;
}

void import_fusion(RunImport& import) {
  if (import.stack.memory == "mindspeed") import_layer_fusion(import);
  if (import.experts > 0) import_expert_fusion(import);
}

}  // namespace supernode
