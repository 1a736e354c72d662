// What Nvidia's performance recipes set beside the degrees that its tables print, by release, machine and kind of model
// (NVIDIA-NeMo/Megatron-Bridge, scripts/performance/configs and src/megatron/bridge/perf_recipes).

#include <algorithm>
#include <array>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

enum class ModelKind { kMoe, kDense };

struct LaunchRecipe {
  double since = 0;         // container release: 26.04 is April 2026
  std::string_view system;  // how the system's name begins
  ModelKind kind = ModelKind::kMoe;
  bool mxfp8_only = false;
  std::string_view graphs = "none";
  bool expert_overlap = false;  // else only across nodes, with interleaved stages
  bool fp8_attention = false;
  bool experts_apart = false;  // grouped products by cuBLAS on several streams; one fused kernel when false
  std::string_view reason;
};

// The first that fits a row of a container release. MoE on NVL72: scopes attn, moe_router and moe_preprocess; with
// mxfp8 from 26.06 on full_iteration, overlap_moe_expert_parallel_comm, fp8_dot_product_attention and the fused grouped
// MLP.
constexpr std::array kLaunchRecipes = {
    LaunchRecipe{26.06, "gb", ModelKind::kMoe, true, "pass", true, true, false,
                 "mxfp8 MoE recipes since 26.06: full-iteration graphs, overlapped exchange, fp8 attention"},
    LaunchRecipe{0, "gb", ModelKind::kMoe, false, "static", false, false, true,
                 "MoE recipes on NVL72: graphs of attention, router and preprocessing"},
    LaunchRecipe{26.04, "hgx-b", ModelKind::kMoe, false, "static", false, false, true,
                 "MoE recipes on Blackwell since 26.04: graphs of attention, router and preprocessing"},
    LaunchRecipe{0, "hgx", ModelKind::kMoe, false, "none", false, false, true, "MoE recipes on HGX: no graphs"},
    LaunchRecipe{0, "gb", ModelKind::kDense, false, "pass", false, false, false,
                 "dense recipes on NVL72: full-iteration graphs"},
};

// "… (26.04.01 container" → 26.04; 0 where the source names none.
double release_of(const PublishedRun& run) {
  const std::size_t end = run.source.find(" container"), open = run.source.rfind('(', end);
  if (end == std::string::npos || open == std::string::npos) return 0;
  return number_after(run.source.substr(open, end - open), "(").value_or(0);
}

// The all-to-all dispatcher copies tokens in front of the exchange, DeepEP and HybridEP behind it. NeMo had the first;
// in Megatron-Bridge recipes of models with latent attention (DeepSeek, Kimi) have DeepEP on HGX, all have HybridEP on
// NVL72 since 25.11, and those without pipeline stages on HGX since 26.04.
bool dispatches_copies(const RunImport& import, double release) {
  if (import.yaml.integer("plan.expert_parallel", 1) == 1) return false;
  if (release == 0) return true;
  if (import.system.starts_with("gb")) return release < 25.11;
  const bool latent = contains(lower_case(import.run.attention), "mla");
  return !latent && (release < 26.04 || import.pipeline() > 1);
}

bool exchanges_across_nodes(const RunImport& import) {
  constexpr std::int64_t kNode = 8;
  const std::int64_t group =
      import.yaml.integer("plan.expert_parallel", 1) * import.yaml.integer("plan.expert_tensor_parallel", 1);
  return import.system.starts_with("hgx") && group > kNode;
}

void set_overlap(RunImport& import, const LaunchRecipe& recipe) {
  if (import.yaml.integer("plan.expert_parallel", 1) == 1) return;
  const bool interleaved = import.yaml.integer("plan.virtual_stages", 1) > 1;
  if (recipe.expert_overlap || (interleaved && exchanges_across_nodes(import)))
    import.yaml.set_flag("plan.overlap.expert", true);
}

void apply(RunImport& import, const LaunchRecipe& recipe) {
  YamlBuilder& yaml = import.yaml;
  const bool sharded = yaml.integer("plan.zero_stage", 1) == 3;  // Megatron FSDP runs without graphs
  // Recipes of fine-tuning capture a part of each layer.
  const bool tuning = recipe.kind == ModelKind::kDense && import.kind != RunKind::kPretrain;
  if (recipe.graphs != "none" && !sharded) yaml.set_word("plan.launch.graphs", tuning ? "static" : recipe.graphs);
  if (recipe.kind == ModelKind::kMoe) set_overlap(import, recipe);
  if (recipe.fp8_attention) yaml.set_flag("plan.fp8_attention", true);
  if (recipe.experts_apart) yaml.set_flag("plan.launch.experts_apart", true);
  import.assume(std::string(recipe.reason));
}

const LaunchRecipe* find_recipe(const RunImport& import, double release) {
  const ModelKind kind = import.experts > 0 ? ModelKind::kMoe : ModelKind::kDense;
  const bool mxfp8 = import.yaml.word("plan.precision.compute") == "mxfp8";
  const auto found = std::find_if(kLaunchRecipes.begin(), kLaunchRecipes.end(), [&](const LaunchRecipe& each) {
    return release >= each.since && import.system.starts_with(each.system) && kind == each.kind &&
           (mxfp8 || !each.mxfp8_only);
  });
  return found == kLaunchRecipes.end() ? nullptr : &*found;
}

// Megatron-Core's router multiplies by Transformer Engine's general_gemm (transformer/moe/moe_utils.py,
// RouterGatingLinearFunction): 16 bit operands forward, fp32 ones as tf32 backward.
void set_router(RunImport& import) {
  const bool nvidia = !contains(lower_case(import.run.chip), "ascend");
  if (nvidia && import.stack.memory == "megatron" && import.experts > 0)
    import.yaml.set_word("plan.precision.router", "tf32");
}

// Megatron-LM's ladder of DeepSeek-V3 on GB200 (docs/discussions/deepseek-v3-gb200-optimization): DeepEP from step 3
// on, graphs of all but the routed experts from step 5 on.
void apply_ladder(RunImport& import, double step) {
  import.yaml.set_flag("plan.launch.experts_apart", true);
  if (step < 3) import.yaml.set_word("plan.routing.dispatcher", "copies");
  if (step >= 5) import.yaml.set_word("plan.launch.graphs", "static");
}

}  // namespace

void import_nvidia(RunImport& import) {
  set_router(import);
  const auto step = number_after(lower_case(import.run.overlap), "optimisation ladder step");
  if (step) return apply_ladder(import, *step);
  if (import.stack.software != "nemo") return;
  const double release = release_of(import.run);
  if (import.experts > 0 && dispatches_copies(import, release))
    import.yaml.set_word("plan.routing.dispatcher", "copies");
  if (release > 0) {
    if (const LaunchRecipe* recipe = find_recipe(import, release)) apply(import, *recipe);
    return;
  }
  if (import.experts > 0) import.yaml.set_flag("plan.launch.experts_apart", true);
  // MLPerf's configuration files tell by their names.
  if (contains(import.run.notes, "_cg")) import.yaml.set_word("plan.launch.graphs", "pass");
}

}  // namespace supernode
