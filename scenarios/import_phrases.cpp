// The vocabulary of the free-text columns: which phrase of overlap_notes, zero_or_fsdp and recompute sets which field
// of the plan. docs/importing.md prints these tables.

#include "scenarios/import_phrases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/catalogue_specs.hpp"
#include "scenarios/import_parts.hpp"
#include "scenarios/import_recipes.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

std::vector<Phrase> make_overlap_phrases() {
  return {
      {"sequence-parallel", "sequence_parallel", "true"},
      {"sequence parallel", "sequence_parallel", "true"},
      {"use-flash-attn", "flash_attention", "true"},
      {"flash-attn", "flash_attention", "true"},
      {"flash attention", "flash_attention", "true"},
      {"fused cross-entropy", "fused_loss", "true"},
      {"overlap-grad-reduce", "overlap.grad_reduce", "true"},
      {"overlap-param-gather", "overlap.param_gather", "true"},
      {"grad reduce-scatter/param all-gather overlap", "overlap.grad_reduce", "true"},
      {"grad/param overlap", "overlap.grad_reduce", "true"},
      {"grad/param overlap", "overlap.param_gather", "true"},
      {"tp comm overlap", "overlap.tensor", "true"},
      {"tp overlap", "overlap.tensor", "true"},
      {"--tp-comm-overlap", "overlap.tensor", "true"},
      {"tp/pp/dp overlap", "overlap.tensor", "true"},
      {"tp/pp/dp overlap", "overlap.grad_reduce", "true"},
      {"tp/pp/dp overlap", "overlap.param_gather", "true"},
      {"use-mc2", "overlap.tensor", "true"},
      {"coc", "overlap.tensor", "true"},
      {"p2p overlap", "overlap.pipeline", "true"},
      {"moe-alltoall-overlap-comm", "overlap.expert", "true"},
      {"moe-fb-overlap", "overlap.expert", "true"},
      {"full fwd/bwd all-to-all overlap", "overlap.expert", "true"},
      {"hierarchical ep all-to-all", "overlap.expert", "true"},
      {"dualpipe", "schedule", "dualpipe"},
      {"dualpipev", "schedule", "dualpipev"},
      {"megatron_cp_algo", "context.kind", "ring"},
      {"ulysses_cp_algo", "context.kind", "ulysses"},
      {"ulysses cp", "context.kind", "ulysses"},
      {"hybrid_cp_algo", "context.kind", "hybrid"},
      {"mamba_cp_algo", "context.kind", "ulysses"},
      {"cp via a2a", "context.kind", "ulysses"},
      {"use-cp-send-recv-overlap", "context.overlap", "true"},
      {"reuse-fp32-param", "optimizer.split_master", "true"},
      {"swap_optimizer", "offload.optimizer", "1"},
      {"swap-optimizer", "offload.optimizer", "1"},
      {"swap optimizer", "offload.optimizer", "1"},
      {"optimizer offload fraction 1.0", "offload.optimizer", "1"},
      // Denials stand last: they replace what a phrase inside them set.
      {"no tp overlap", "overlap.tensor", "false"},
      {"no p2p overlap", "overlap.pipeline", "false"},
      {"all overlap features off", "overlap.grad_reduce", "false"},
      {"all overlap features off", "overlap.param_gather", "false"},
      {"all overlap features off", "overlap.tensor", "false"},
      {"no gradient bucketing", "overlap.grad_reduce", "false"},
      {"no async-tp", "overlap.tensor", "false"},
      {"no overlap flags", "overlap.grad_reduce", "false"},
      {"no overlap flags", "overlap.param_gather", "false"},
      {"no flash-attention", "flash_attention", "false"},
  };
}

// What scenarios have no field for, and why it is passed over.
std::vector<Silent> make_silent_phrases() {
  return {
      {"cuda graphs", "CUDA graphs: launch times are the chip's fitted ones"},
      {"dispatcher=alltoall_seq", "the sequence variant of the all-to-all dispatcher"},
      {"ptb", "parallel transformer blocks: attention and MLP run one after the other"},
      {"swa", "sliding-window attention of an unknown window: attention is full"},
      {"lamb", "the LAMB optimizer: its states are Adam's"},
      {"scatter/gather p2p", "scatter/gather of pipeline sends"},
      {"20 sms for comm", "processors set aside for communication"},
      {"deterministic-mode", "deterministic kernels, which may be slower"},
  };
}

std::vector<ShardingPhrase> make_sharding_phrases() {
  return {
      {"full_shard", 3},
      {"shard_grad_op", 2},
      {"fsdp", 3},
      {"zero-3", 3},
      {"zero-2", 2},
      {"zero-1", 1},
      {"zero-0", 0},
      {"distributed optimizer", 1},
      {"optimizer replicated", 0},
      {"none", 0},
      {"ddp", 0},
  };
}

std::vector<RecomputePhrase> make_recompute_phrases() {
  using Modules = std::vector<std::string>;
  return {
      {"none", "none", Modules{}},
      {"recompute only moe_act", "selective", Modules{"activation"}},
      {"mlp+mla_up_proj", "selective", Modules{"mla_up_projection", "mlp"}},
      {"mla_up_proj+mlp", "selective", Modules{"mla_up_projection", "mlp"}},
      {"mla_up_proj,mlp", "selective", Modules{"mla_up_projection", "mlp"}},
      {"mla_up_proj", "selective", Modules{"mla_up_projection"}},
      {"rmsnorm + mla up-proj", "selective", Modules{"norm", "mla_up_projection", "activation"}},
      {"activation-function", "selective", Modules{"activation"}},
      {"full activation", "full", Modules{}},
      {"full", "full", Modules{}},
      {"gradient checkpointing", "full", Modules{}},
      {"selective", "selective", Modules{"core_attention"}},
  };
}

void apply(RunImport& import, const Phrase& phrase) {
  import.yaml.set_word(fmt::format("plan.{}", phrase.path), phrase.value);
}

void import_overlap(RunImport& import) {
  // "flags:" of a script in the notes speak the same language.
  const std::string text = lower_case(import.run.overlap + " " + import.run.recompute);
  const std::string notes = lower_case(import.run.notes);
  for (const Phrase& phrase : overlap_phrases()) {
    if (contains(text, phrase.text)) apply(import, phrase);
  }
  if (contains(notes, "moe-fb-overlap=true")) import.yaml.set_flag("plan.overlap.expert", true);
  if (contains(notes, "schedules-method=dualpipev")) import.yaml.set_word("plan.schedule", "dualpipev");
  if (contains(notes, "no flash-attention")) import.yaml.set_flag("plan.flash_attention", false);
  for (const Silent& silent : silent_phrases()) {
    if (contains(text, silent.text) || contains(notes, silent.text)) {
      import.warnings.push_back(std::string(silent.meaning));
    }
  }
}

// Of a dense model; a row whose layers were cut keeps the whole model's published figure.
double parameters_of(const RunImport& import) {
  const PublishedRun& run = import.run;
  const double h = static_cast<double>(run.hidden), heads = static_cast<double>(std::max<std::int64_t>(1, run.heads));
  const double kv = run.kv_heads > 0 ? static_cast<double>(run.kv_heads) : heads;
  const double layer = h * h * (2 + 2 * kv / heads) + (import.gated ? 3 : 2) * h * static_cast<double>(run.ffn);
  const double whole = layer * static_cast<double>(import.layers) + 2 * h * static_cast<double>(run.vocab);
  return run.ffn > 0 ? std::min(whole, run.parameters) : run.parameters;
}

// bf16 weights and bf16 gradients of a rank against its chip's memory: the least that ZeRO up to stage 1 holds.
bool overflows_unsharded(RunImport& import) {
  const double split = static_cast<double>(import.tensor() * import.pipeline());
  const double held = 4 * parameters_of(import) / split;
  constexpr double kSmallestMemory = 32e9;  // of any chip in the catalogue: below it there is nothing to look up
  if (import.experts > 0 || import.kind == RunKind::kLora || held < kSmallestMemory) return false;
  Diagnostics ignored;
  const auto system = load_system(import.system, ignored);
  const auto chip = system ? load_chip(system->chip, ignored) : std::nullopt;
  constexpr double kUsable = 0.9;  // the rest is the context's, the optimizer's and one layer's activations
  return chip && held > kUsable * chip->device_hbm_capacity().value();
}

void import_recipe_offload(RunImport& import) {
  if (import.kind != RunKind::kPretrain) return;
  const bool narrow = import.yaml.word("plan.precision.compute") != "bf16";
  const auto layers = recipe_offloaded_layers(lower_case(import.run.source), import.name, import.system, narrow);
  if (!layers) return;
  const double share = static_cast<double>(*layers) / static_cast<double>(import.layers);
  import.yaml.set_number("plan.offload.activations", std::round(1000 * share) / 1000);
  import.assume(fmt::format("activations of {} of {} layers in host memory, as in the recipe", *layers, import.layers));
}

void import_sharding(RunImport& import) {
  const std::string text = lower_case(import.run.sharding);
  YamlBuilder& yaml = import.yaml;
  const auto& phrases = sharding_phrases();
  const auto found = std::find_if(phrases.begin(), phrases.end(),
                                  [&](const ShardingPhrase& each) { return contains(text, each.text); });
  const bool known = found != phrases.end() && !text.empty();
  std::int64_t stage = known ? found->stage : import.stack.zero_stage;
  if (stage < 3 && overflows_unsharded(import)) {
    stage = 3;
    import.assume("fully sharded (ZeRO-3): whole weights and gradients would be more than a chip's memory");
  }
  if (!known) import.assume(fmt::format("ZeRO stage {}, the way of {}", stage, import.stack.name));
  if (stage == 2 && import.pipeline() > 1) {
    stage = 1;
    import.assume("gradients are reduced once a step (stage 1): with pipeline stages they stay whole until then");
  }
  yaml.set("plan.zero_stage", stage);
  if (stage == 3) import_recipe_offload(import);
  const auto group = number_after(text, "shard=");
  if (!group || stage == 0) return;
  const auto shards = static_cast<std::int64_t>(*group), replicas = import.data() * import.context();
  if (shards > 1 && shards < replicas && replicas % shards == 0) yaml.set("plan.shard_group", shards);
  if (contains(text, "reshard_after_forward=always")) yaml.set_flag("plan.reshard_after_forward", true);
}

// MindSpeed's --swap-attention moves what norms and attention keep to host memory. Their share of a dense layer's
// kept activations, in elements a token (attention: input of each norm and of the projections, q, k, v, output;
// MLP: input, and the products in front of and behind the activation).
double attention_share(const PublishedRun& run, bool gated) {
  const double h = static_cast<double>(run.hidden), f = static_cast<double>(run.ffn);
  const double heads = static_cast<double>(run.heads),
               kv = static_cast<double>(std::max<std::int64_t>(1, run.kv_heads));
  const double attention = 4 * h + h * (1 + 2 * kv / heads), mlp = h + f * (gated ? 3 : 2);
  return std::round(100 * attention / (attention + mlp)) / 100;
}

void import_recompute(RunImport& import) {
  const std::string text = lower_case(import.run.recompute);
  YamlBuilder& yaml = import.yaml;
  if (contains(text, "swap-attention")) {
    yaml.set_number("plan.offload.activations", attention_share(import.run, import.gated));
    import.assume("swapped attention is the share of kept activations that norms and attention have in a dense layer");
  }
  if (contains(import.name, "mamba")) {
    import.assume("nothing is recomputed: Megatron-Core's state-space stack runs its layers without checkpoints");
    return;
  }
  // Steps of Megatron's optimisation ladder are cumulative; the fourth recomputes the experts' activation only.
  const auto step = number_after(lower_case(import.run.overlap), "optimisation ladder step");
  const std::string ladder = !step ? "" : *step < 4 ? "mlp+mla_up_proj" : "recompute only moe_act";
  const bool bf16_variant = contains(text, "(bf16: moe_act)") && lower_case(import.run.precision) == "bf16";
  const std::string sought = !ladder.empty() ? ladder : bf16_variant ? "recompute only moe_act" : text;
  const auto& phrases = recompute_phrases();
  const auto found = std::find_if(phrases.begin(), phrases.end(),
                                  [&](const RecomputePhrase& each) { return contains(sought, each.text); });
  if (found == phrases.end() && contains(text, "swap-attention (+recompute)")) {
    yaml.set_word("plan.recompute", "selective");
    yaml.set_words("plan.recomputed.modules", {import.experts > 0 ? "moe" : "mlp"});
    import.assume(
        "beside the swapped attention the MLP is recomputed: the row says recomputation without saying of what");
    return;
  }
  if (found == phrases.end()) {
    if (!contains(text, "swap-attention")) import.assume("no recomputation: the row does not say");
    return;
  }
  yaml.set_word("plan.recompute", found->kind);
  if (!found->modules.empty()) yaml.set_words("plan.recomputed.modules", found->modules);
  if (const auto block = number_after(text, "full/block/")) {
    yaml.set("plan.recomputed.block", std::min(import.layers, static_cast<std::int64_t>(*block)));
  }
  if (contains(text, "per perf-recipe configs")) import.assume("what is recomputed, from the recipe's configuration");
}

}  // namespace

const std::vector<Phrase>& overlap_phrases() {
  static const std::vector<Phrase> kPhrases = make_overlap_phrases();
  return kPhrases;
}
const std::vector<Silent>& silent_phrases() {
  static const std::vector<Silent> kPhrases = make_silent_phrases();
  return kPhrases;
}
const std::vector<ShardingPhrase>& sharding_phrases() {
  static const std::vector<ShardingPhrase> kPhrases = make_sharding_phrases();
  return kPhrases;
}
const std::vector<RecomputePhrase>& recompute_phrases() {
  static const std::vector<RecomputePhrase> kPhrases = make_recompute_phrases();
  return kPhrases;
}

void import_phrases(RunImport& import) {
  import_overlap(import);
  import_sharding(import);
  import_recompute(import);
}

}  // namespace supernode
