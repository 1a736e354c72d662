// The plan of a published run: degrees, batch, and what the software does where the row is silent.

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// MindSpeed's flags are off unless set, which only a script's list of them tells; a table of results names features.
bool runs_flash_attention(const RunImport& import) {
  const std::string text = lower_case(import.run.overlap);
  const bool lists_flags = contains(text, "use-") || contains(text, "sequence-parallel");
  return import.stack.flash_attention || (import.stack.memory == "mindspeed" && !lists_flags);
}

void set_stack_defaults(RunImport& import) {
  const StackDefaults& stack = import.stack;
  YamlBuilder& yaml = import.yaml;
  yaml.set_word("plan.stack", stack.memory);
  yaml.set_word("software", stack.software);
  yaml.set_flag("plan.sequence_parallel", stack.sequence_parallel);
  yaml.set_flag("plan.flash_attention", runs_flash_attention(import));
  yaml.set_flag("plan.fused_loss", stack.fused_loss);
  if (stack.dropout) yaml.set_flag("plan.dropout", true);
  if (stack.attention_library != "native") yaml.set_word("plan.attention_library", stack.attention_library);
  // The chains are those of Llama's code; GPT's layer norm and activation are a kernel each anywhere.
  for (std::string_view chain : stack.unfused)
    if (import.gated || chain == "weight_gradient") yaml.set_flag(fmt::format("plan.fused.{}", chain), false);
  yaml.set_flag("plan.overlap.grad_reduce", stack.grad_reduce);
  yaml.set_flag("plan.overlap.param_gather", stack.param_gather);
  yaml.set_flag("plan.overlap.tensor", stack.tensor);
  if (stack.tensor) yaml.set("plan.overlap.tensor_chunks", stack.tensor_chunks);
  yaml.set_flag("plan.overlap.pipeline", stack.pipeline);
  if (import.context() > 1) yaml.set_word("plan.context.kind", stack.context);
  import.assume(fmt::format("what the row leaves open, from {}: {}", stack.name, stack.reason));
}

void set_degrees(RunImport& import) {
  YamlBuilder& yaml = import.yaml;
  yaml.set("plan.tensor_parallel", import.tensor());
  if (contains(import.run.notes, "tp-2d=True") && import.tensor() >= 4) {
    // MindSpeed's two-dimensional split; scripts that name x and y of the CI rows set both to 2.
    yaml.set("plan.tensor_y", 2);
    yaml.set_flag("plan.sequence_parallel", false);
  }
  yaml.set("plan.context_parallel", import.context());
  yaml.set("plan.pipeline_parallel", import.pipeline());
  yaml.set("plan.data_parallel", import.data());
}

// Overlap and context keys that would act on nothing.
void drop_idle_keys(RunImport& import) {
  YamlBuilder& yaml = import.yaml;
  if (import.tensor() == 1) {
    yaml.erase("plan.overlap.tensor");
    yaml.erase("plan.overlap.tensor_chunks");
  }
  if (import.context() == 1) return yaml.erase("plan.context");
  const bool hybrid = contains(lower_case(import.run.overlap), "hybrid_cp_algo");
  if (!hybrid) return;
  yaml.set("plan.context.ulysses", 2);
  import.assume("hybrid context parallelism in Ulysses groups of 2");
}

// DeepEP has work only with expert parallelism: a row that names it without a degree has experts over all ranks.
std::int64_t stated_experts(RunImport& import, std::int64_t ranks) {
  if (import.run.expert > 0 || !contains(lower_case(import.run.overlap), "deepep"))
    return std::max<std::int64_t>(1, import.run.expert);
  import.assume("experts over all ranks of a stage: the row names DeepEP and no degree");
  return std::min(ranks, import.experts);
}

// Expert parallelism lies inside the ranks of a stage; a row that says more than there are is cut down to them.
void set_experts(RunImport& import) {
  YamlBuilder& yaml = import.yaml;
  if (import.experts == 0) return yaml.erase("plan.overlap.expert");
  const std::int64_t ranks = import.tensor() * import.context() * import.data();
  const std::int64_t stated = stated_experts(import, ranks);
  std::int64_t expert = std::min(stated, ranks);
  while (ranks % expert != 0 || import.experts % expert != 0) --expert;
  if (expert != stated) {
    import.assume(fmt::format("expert parallelism {}: the row's {} does not fit {} ranks of a stage and {} experts",
                              expert, stated, ranks, import.experts));
  }
  std::int64_t split = import.run.expert_tensor;
  if (split == 0) {
    split = import.stack.experts_split_by_tensor && ranks % (expert * import.tensor()) == 0 ? import.tensor() : 1;
    if (import.tensor() > 1) import.assume(fmt::format("each expert is split over {} ranks", split));
  }
  yaml.set("plan.expert_parallel", expert);
  yaml.set("plan.expert_tensor_parallel", split);
  if (expert == 1) yaml.erase("plan.overlap.expert");
  if (import.tensor() > 1) yaml.set_flag("plan.sequence_parallel", true);  // Megatron demands it of MoE models
}

void set_routing(RunImport& import) {
  if (import.experts == 0) return;
  const PublishedRun& run = import.run;
  const auto factor = value_of(run.notes, "moe-expert-capacity-factor");
  if (factor) {
    import.yaml.set_number("plan.routing.capacity_factor", number_after(*factor, "").value_or(1));
    // Every script of MindSpeed-LLM with a capacity factor sets --moe-pad-expert-input-to-capacity too.
    if (import.stack.memory == "mindspeed") import.yaml.set_flag("plan.routing.pad_to_capacity", true);
  } else if (contains(run.notes, "capacity factor 1")) {
    import.yaml.set_number("plan.routing.capacity_factor", 1);
    import.yaml.set_flag("plan.routing.pad_to_capacity", contains(run.notes, "with padding"));
  } else if (contains(run.notes, "TOKEN-DROP")) {
    import.yaml.set_number("plan.routing.capacity_factor", 1);
    import.assume("a capacity factor of 1 for the tokens that are dropped");
  } else if (!contains(run.notes, "force-balanced") && !contains(run.notes, "force_load_balance=true")) {
    import.assume("tokens spread evenly over the experts: the row does not say");
  }
}

// Sequences of a step where the row leaves them out, from what the notes say of accumulation.
std::int64_t noted_batch(RunImport& import, std::int64_t round) {
  const std::string& notes = import.run.notes;
  if (const auto millions = number_after(notes, "GBS=")) {
    const std::int64_t sequences = static_cast<std::int64_t>(*millions * 1048576) / import.run.sequence;
    return std::max<std::int64_t>(1, sequences / round) * round;
  }
  for (std::string_view phrase : {"accumulate_steps ", "GAS=", "GA "}) {
    if (const auto steps = number_after(notes, phrase)) return static_cast<std::int64_t>(*steps) * round;
  }
  const std::int64_t rounds = 8 * import.pipeline();
  import.assume(fmt::format("{} micro-batches a replica: the row gives no global batch", rounds));
  return rounds * round;
}

void set_batch(RunImport& import) {
  const PublishedRun& run = import.run;
  const std::int64_t micro = std::max<std::int64_t>(1, run.micro_batch);
  if (run.micro_batch == 0) import.assume("micro-batches of one sequence: the row does not say");
  const std::int64_t round = micro * import.data();
  std::int64_t global = run.global_batch;
  if (import.kind == RunKind::kRl) {
    global = rl_update_sequences(import, round);
    import.assume(fmt::format("an update of {} sequences that samples are packed into", global));
  } else if (global == 0) {
    global = noted_batch(import, round);
    import.assume(fmt::format("a global batch of {} sequences", global));
  } else if (global % round != 0) {
    global = (global / round + 1) * round;
    import.assume(
        fmt::format("a global batch of {}: the row's {} is no multiple of {}", global, run.global_batch, round));
  }
  import.yaml.set("plan.micro_batch", micro);
  import.yaml.set("plan.global_batch", global);
  import.yaml.set("plan.sequence_length", run.sequence);
}

// Too few micro-batches to interleave: the chunks of a stage run as one.
void mend_interleaving(RunImport& import) {
  YamlBuilder& yaml = import.yaml;
  const std::int64_t chunks = yaml.integer("plan.virtual_stages", 1);
  if (chunks == 1 || yaml.has("plan.schedule")) return;
  const std::int64_t rounds =
      yaml.integer("plan.global_batch", 1) / (yaml.integer("plan.micro_batch", 1) * import.data());
  if (rounds >= import.pipeline()) return;
  import.assume(fmt::format("{} micro-batches a replica cannot interleave over {} stages: one chunk a stage", rounds,
                            import.pipeline()));
  yaml.erase("plan.virtual_stages");
  yaml.erase("plan.stage_layers");
  if (import.layers % import.pipeline() != 0) yaml.set_flag("plan.uneven_stages", true);
}

void set_documents(RunImport& import) {
  const std::string notes = lower_case(import.run.notes);
  if (!contains(notes, "packed")) return;
  if (contains(notes, "govreport")) {
    import.assume("a packed sequence of GovReport is one document: its reports are about as long");
    return;
  }
  // SQuAD: question, context paragraph and answer (arXiv 1606.05250: paragraphs of 117 words on average).
  import.yaml.set("plan.document_length", 256);
  import.assume("packed documents of 256 tokens, the length of a SQuAD sample");
}

void set_lora(RunImport& import) {
  if (import.kind != RunKind::kLora) return;
  const auto noted = number_after(import.run.notes, "LoRA r");
  const std::int64_t rank = noted ? static_cast<std::int64_t>(*noted) : import.stack.lora_rank;
  if (!noted) import.assume(fmt::format("adapters of rank {}", rank));
  import.yaml.set("plan.lora.rank", rank);
  if (import.stack.lora_attention_only) import.yaml.set_flag("plan.lora.attention_only", true);
}

}  // namespace

void import_plan(RunImport& import) {
  set_stack_defaults(import);
  set_degrees(import);
  import_precision(import);
  import_phrases(import);
  drop_idle_keys(import);
  set_experts(import);
  set_routing(import);
  import_fusion(import);
  set_batch(import);
  import_stages(import);
  mend_interleaving(import);
  import_nvidia(import);
  import_slow_host(import);
  set_documents(import);
  set_lora(import);
  if (import.kind == RunKind::kRl) import_rl(import);
}

}  // namespace supernode
