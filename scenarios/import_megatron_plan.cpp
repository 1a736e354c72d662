// The plan that Megatron-LM or MindSpeed runs by its flags. Where a flag is absent, the framework's default.

#include <fmt/format.h>

#include <array>

#include "scenarios/import_megatron_parts.hpp"

namespace supernode {

namespace {

struct Renamed {
  std::string_view theirs, ours;
};

std::string_view renamed(std::string_view word, std::initializer_list<Renamed> names, std::string_view otherwise) {
  for (const Renamed& each : names) {
    if (each.theirs == word) return each.ours;
  }
  return otherwise;
}

// DDP and its overlaps are off, flash attention on with Transformer Engine, unless flags say otherwise.
void set_defaults(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const auto otherwise = [&](std::string_view path, bool value) {
    if (!yaml.has(path)) yaml.set_flag(path, value);
  };
  otherwise("plan.overlap.grad_reduce", false);
  otherwise("plan.overlap.param_gather", false);
  otherwise("plan.sequence_parallel", false);
  if (!yaml.has("plan.zero_stage")) yaml.set("plan.zero_stage", 0);
  const std::string backend = import.text("attention-backend", "auto"), impl = import.text("transformer-impl");
  const bool flash =
      import.has("use-flash-attn") || backend == "flash" || backend == "fused" || impl == "transformer_engine";
  yaml.set_flag("plan.flash_attention", flash);
  if (!flash) import.assume("no flash attention: neither --use-flash-attn nor a backend that has it");
}

void read_zero(MegatronImport& import) {
  const std::string_view stage =
      renamed(import.text("data-parallel-sharding-strategy"),
              {{"no_shard", "0"}, {"optim", "1"}, {"optim_grads", "2"}, {"optim_grads_params", "3"}}, "");
  if (!stage.empty()) import.yaml.set_word("plan.zero_stage", stage);
  if (import.has("optimizer-cpu-offload")) {
    const auto share = number_after(import.text("optimizer-offload-fraction", "1"), "");
    import.yaml.set_number("plan.offload.optimizer", share.value_or(1));
  }
  if (contains(import.text("optimizer"), "muon")) import.yaml.set_word("plan.optimizer.kind", "muon");
  if (import.text("optimizer") == "sgd") import.yaml.set_word("plan.optimizer.kind", "sgd");
}

void read_context(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  if (import.integer("context-parallel-size", 1) == 1) return yaml.erase("plan.context");
  const bool mindspeed = import.has("context-parallel-algo");
  const std::string_view kind =
      mindspeed
          ? renamed(import.text("context-parallel-algo"),
                    {{"megatron_cp_algo", "ring"}, {"hybrid_cp_algo", "hybrid"}, {"kvallgather_cp_algo", "all_gather"}},
                    "ulysses")
          : renamed(import.text("cp-comm-type", "p2p"),
                    {{"a2a", "ulysses"}, {"a2a+p2p", "hybrid"}, {"allgather", "all_gather"}}, "ring");
  yaml.set_word("plan.context.kind", kind);
  if (kind == "hybrid" && !yaml.has("plan.context.ulysses")) {
    yaml.set("plan.context.ulysses", 2);
    import.assume("hybrid context parallelism in Ulysses groups of 2");
  }
}

void read_tensor_2d(MegatronImport& import) {
  if (!import.has("tp-2d")) return;
  import.yaml.set("plan.tensor_y", import.integer("tp-y", 1));
  import.yaml.set_flag("plan.sequence_parallel", false);
}

// Numbers of layers that flags give stage by stage; empty when they give none.
std::vector<std::int64_t> stated_layers(MegatronImport& import, std::int64_t stages) {
  std::string list = import.text("pipeline-num-transformer-layers", import.text("num-layer-list"));
  std::erase_if(list, [](char c) { return c == '[' || c == ']' || c == ' ' || c == '"'; });
  if (!list.empty()) return integer_list(list);
  const std::int64_t first = import.integer("decoder-first-pipeline-num-layers", 0);
  const std::int64_t last = import.integer("decoder-last-pipeline-num-layers", 0);
  if (first == 0 && last == 0) return {};
  const std::int64_t ends = (first > 0) + (last > 0), inner = stages - ends;
  const std::int64_t each = inner > 0 ? (import.layers - first - last) / inner : 0;
  std::vector<std::int64_t> layers(static_cast<std::size_t>(stages), each);
  if (first > 0) layers.front() = first;
  if (last > 0) layers.back() = last;
  return layers;
}

std::int64_t virtual_stages(const MegatronImport& import, std::int64_t stages) {
  if (const std::int64_t stated = import.integer("num-virtual-stages-per-pipeline-rank", 0)) return stated;
  const std::int64_t layers = import.integer("num-layers-per-virtual-pipeline-stage", 0);
  return layers > 0 && stages > 1 ? std::max<std::int64_t>(1, import.total_layers / stages / layers) : 1;
}

// Pieces follow the model: the first chunks of all stages, then the second ones.
std::vector<std::int64_t> in_chunks(const std::vector<std::int64_t>& stages, std::int64_t chunks) {
  std::vector<std::int64_t> pieces;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::int64_t layers : stages) pieces.push_back(layers / chunks + (chunk < layers % chunks ? 1 : 0));
  }
  return pieces;
}

void read_stages(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const std::int64_t stages = import.integer("pipeline-model-parallel-size", 1);
  const bool dual = import.text("schedules-method") == "dualpipev";
  if (dual) yaml.set_word("plan.schedule", "dualpipev");
  const std::int64_t chunks = dual ? 2 : virtual_stages(import, stages), pieces = stages * chunks;
  if (chunks > 1) yaml.set("plan.virtual_stages", chunks);
  if (pieces == 1) return;
  const auto stated = stated_layers(import, stages);
  if (static_cast<std::int64_t>(stated.size()) == pieces) return yaml.set_list("plan.stage_layers", stated);
  if (static_cast<std::int64_t>(stated.size()) == stages)
    return yaml.set_list("plan.stage_layers", in_chunks(stated, chunks));
  if (!import.noop_layers.empty()) {
    std::vector<std::int64_t> layers(static_cast<std::size_t>(pieces), import.total_layers / pieces);
    for (std::int64_t noop : import.noop_layers) {
      const std::int64_t piece =
          std::clamp<std::int64_t>(noop / std::max<std::int64_t>(1, import.total_layers / pieces), 0, pieces - 1);
      --layers[static_cast<std::size_t>(piece)];
    }
    return yaml.set_list("plan.stage_layers", layers);
  }
  if (import.layers % pieces != 0 && !yaml.has("plan.balance_embedding")) yaml.set_flag("plan.uneven_stages", true);
}

std::string_view our_module(std::string_view theirs) {
  return renamed(theirs,
                 {{"core_attn", "core_attention"},
                  {"layernorm", "norm"},
                  {"moe_act", "activation"},
                  {"mla_up_proj", "mla_up_projection"},
                  {"mlp", "mlp"},
                  {"moe", "moe"},
                  {"shared_experts", "shared_experts"}},
                 "");
}

void read_recompute_modules(MegatronImport& import, std::vector<std::string>& modules) {
  const auto stated = import.flags.find("recompute-modules");
  if (stated == import.flags.end()) return;
  for (const std::string& each : stated->second) {
    const std::string_view ours = our_module(each);
    if (ours.empty())
      import.warn(fmt::format("--recompute-modules {}", each));
    else
      modules.emplace_back(ours);
  }
}

void read_recompute(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const std::string granularity = import.text("recompute-granularity");
  std::vector<std::string> modules;
  read_recompute_modules(import, modules);
  if (import.has("recompute-activation-function")) modules.emplace_back("activation");
  if (import.has("recompute-norm")) modules.emplace_back("norm");
  if (import.has("moe-layer-recompute")) modules.emplace_back("moe");
  if (granularity == "full") {
    yaml.set_word("plan.recompute", "full");
    const std::int64_t layers = import.integer("recompute-num-layers", 1);
    if (import.text("recompute-method") == "block") yaml.set("plan.recomputed.block", layers);
    if (import.text("recompute-method") == "uniform") yaml.set("plan.recomputed.group", layers);
    return;
  }
  const bool selective = granularity == "selective" || import.has("recompute-activations");
  if (!selective && modules.empty()) return;
  if (modules.empty()) modules.emplace_back("core_attention");
  yaml.set_word("plan.recompute", "selective");
  yaml.set_words("plan.recomputed.modules", modules);
}

// Megatron: bf16 runs accumulate and reduce gradients in fp32 unless told not to, fp16 runs in fp16 unless told to.
void read_precision(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const bool half = import.has("fp16");
  std::string_view compute = half ? "fp16" : import.has("bf16") ? "bf16" : "fp32";
  if (import.has("fp8-format")) {
    compute = renamed(import.text("fp8-recipe", "delayed"), {{"mxfp8", "mxfp8"}, {"blockwise", "fp8_block"}}, "fp8");
  }
  if (import.has("fp4-format")) compute = "fp4";
  yaml.set_word("plan.precision.compute", compute);
  if (compute == "fp32") import.assume("fp32 throughout: neither --bf16 nor --fp16");
  if (compute == "fp32" || half) {
    for (const char* key : {"parameter", "gather", "activation"})
      yaml.set_word(fmt::format("plan.precision.{}", key), half ? "fp16" : "fp32");
  }
  const bool low_reduce = import.has("grad-reduce-in-bf16") || import.text("main-grads-dtype") == "bf16";
  const bool half_reduce = half && !import.has("accumulate-allreduce-grads-in-fp32");
  const std::string_view gradient = low_reduce ? "bf16" : half_reduce ? "fp16" : "fp32";
  yaml.set_word("plan.precision.gradient", gradient);
  yaml.set_word("plan.precision.reduce", gradient);
  if (import.has("fp8-param-gather") && compute == "fp8") yaml.set_word("plan.precision.gather", "fp8");
  if (import.has("exp-avg-dtype")) yaml.set_word("plan.optimizer.moment", import.text("exp-avg-dtype"));
}

void read_swap(MegatronImport& import) {
  if (!import.has("swap-attention")) return;
  import.yaml.set_number("plan.offload.activations", 0.4);
  import.assume("--swap-attention moves 0.4 of the kept activations: what norms and attention have in a dense layer");
}

void read_experts(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  if (!yaml.has("model.moe")) {
    for (const char* path :
         {"plan.expert_parallel", "plan.expert_tensor_parallel", "plan.routing", "plan.overlap.expert"})
      yaml.erase(path);
    return;
  }
  if (yaml.has("plan.expert_tensor_parallel")) return;
  yaml.set("plan.expert_tensor_parallel", yaml.integer("plan.tensor_parallel", 1));
}

void read_batch(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  yaml.set("plan.sequence_length", import.integer("seq-length", 0));
  if (!import.has("seq-length")) import.diagnostics.error(import.position, "missing --seq-length");
  const std::int64_t micro = yaml.integer("plan.micro_batch", 1);
  if (!yaml.has("plan.micro_batch")) import.assume("micro-batches of one sequence");
  const std::int64_t round = micro * yaml.integer("plan.data_parallel", 1);
  if (!import.has("global-batch-size"))
    import.assume(fmt::format("a global batch of {}: one micro-batch a replica", round));
  yaml.set("plan.global_batch", import.integer("global-batch-size", round));
}

}  // namespace

void read_megatron_plan(MegatronImport& import) {
  read_zero(import);
  read_context(import);
  read_stages(import);
  read_recompute(import);
  read_precision(import);
  read_swap(import);
  read_experts(import);
  set_defaults(import);
  read_tensor_2d(import);
  read_batch(import);
}

}  // namespace supernode
