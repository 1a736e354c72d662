#include "workloads/inference_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "workloads/kv_cache.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

namespace {

void read_precision(SpecReader& r, Field field, Precision& out) {
  std::vector<Choice<Precision>> choices;
  for (Precision p : kAllPrecisions) choices.emplace_back(to_string(p), p);
  r.choice<Precision>(field, out, choices);
}

void bind(SpeculativeSpec& speculative, SpecReader& r) {
  r.integer({"tokens", "draft tokens a step proposes; 0 = none"}, speculative.tokens, {.min = 0, .max = 64});
  r.number({"acceptance", "probability that a draft token is right when those before it are"}, speculative.acceptance,
           {.min = 0, .max = 1});
}

void bind(InferenceSoftware& software, SpecReader& r) {
  const std::vector<std::string> names = software_names();
  std::vector<Choice<std::size_t>> choices;
  for (std::size_t i = 0; i < names.size(); ++i) choices.emplace_back(names[i], i);
  std::size_t stack = 0;
  if (r.choice<std::size_t>({"stack", "whose costs the other keys start from"}, stack, choices))
    software = software_named(names[stack]);
  r.sourced_number({"step_factor", "device time of a step over the sum of its kernels and exchanges"},
                   software.step_factor, {.min = 1, .max = 100});
  r.sourced({"host_step", "host work of each step that the device waits for"}, software.host_step, true);
  r.sourced({"host_launch", "host time to launch a kernel; 0 = a captured graph"}, software.host_launch, true);
  r.sourced({"weight_load", "rate at which a rank takes over new weights; 0 = the fabric's"}, software.weight_load,
            true);
}

void bind_batching(InferencePlan& plan, SpecReader& r) {
  r.integer({"max_batch", "sequences a replica decodes at once, at most"}, plan.max_batch, {.min = 1, .max = 1 << 20});
  r.integer({"prefill_tokens", "prompt tokens a replica processes at once, at most"}, plan.prefill_tokens,
            {.min = 1, .max = 1 << 24});
  r.integers({"graph_batches", "batches a graph was captured for; a step runs as the next larger one"},
             plan.graph_batches, {.min = 1, .max = 1 << 20});
  std::sort(plan.graph_batches.begin(), plan.graph_batches.end());
  r.number({"memory_share", "of the device memory that serving may take"}, plan.memory_share, {.min = 0.01, .max = 1});
  r.quantity({"reserve", "of that: activations, communication buffers, captured graphs"}, plan.reserve, true);
  r.boolean({"micro_batches", "steps run as two halves, exchanges of one under the computation of the other"},
            plan.micro_batches);
}

// The serving layout in the words of training, for what counts weights by them. Ranks beyond the experts hold copies.
PlanSpec layout(const ModelSpec& model, const InferencePlan& plan) {
  PlanSpec out;
  out.tensor_parallel = plan.tensor_parallel;
  out.expert_parallel = std::min(plan.expert_parallel, std::max<std::int64_t>(1, model.moe.experts));
  out.expert_tensor_parallel = std::max<std::int64_t>(1, plan.tensor_parallel / plan.expert_parallel);
  out.data_parallel = plan.instance_replicas();
  return out;
}

}  // namespace

double SpeculativeSpec::tokens_per_step() const {
  double sum = 0, accepted = 1;
  for (std::int64_t i = 0; i <= tokens; ++i, accepted *= acceptance) sum += accepted;
  return sum;
}

void bind(InferencePlan& plan, SpecReader& r) {
  r.integer({"tensor_parallel", "ranks that share a replica's attention and dense matrices"}, plan.tensor_parallel,
            {.min = 1, .max = 4096});
  r.integer({"expert_parallel", "ranks that share the routed experts"}, plan.expert_parallel, {.min = 1, .max = 65536});
  r.integer({"data_parallel", "replicas of the attention; default: ranks / tensor_parallel"}, plan.data_parallel,
            {.min = 1, .max = 1 << 20});
  read_precision(r, {"precision", "of the weights and their products"}, plan.weight);
  read_precision(r, {"kv_cache", "of keys and values kept"}, plan.cache);
  read_precision(r, {"dispatch", "payload of the expert dispatch"}, plan.dispatch);
  r.number({"imbalance", "tokens of the busiest expert rank over the mean"}, plan.imbalance, {.min = 1, .max = 1000});
  bind_batching(plan, r);
  r.object({"speculative", "drafts (MTP) checked by one step"}, [&](SpecReader& s) { bind(plan.speculative, s); });
  r.object({"software", "what the serving software adds"}, [&](SpecReader& s) { bind(plan.software, s); });
}

void check_inference_plan(InferencePlan& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& r) {
  const std::int64_t tensor = plan.tensor_parallel, expert = plan.expert_parallel;
  if (ranks % tensor != 0)
    r.error("tensor_parallel", fmt::format("{} rollout ranks are not divisible by {}", ranks, tensor));
  else if (plan.data_parallel == 0)
    plan.data_parallel = ranks / tensor;
  else if (plan.data_parallel * tensor != ranks)
    r.error("data_parallel", fmt::format("tensor_parallel {} x data_parallel {} is not the {} rollout ranks; {} is",
                                         tensor, plan.data_parallel, ranks, ranks / tensor));
  if (model.attention.heads % tensor != 0)
    r.error("tensor_parallel", fmt::format("{} heads are not divisible by {}", model.attention.heads, tensor));
  if (expert > 1 && model.moe.experts == 0) r.error("expert_parallel", "the model has no experts");
  if (ranks % plan.instance_ranks() != 0)
    r.error("expert_parallel", fmt::format("{} rollout ranks are not divisible by {}", ranks, expert));
  if (plan.instance_ranks() % expert != 0 || plan.instance_ranks() % tensor != 0)
    r.error("expert_parallel", fmt::format("{} and tensor_parallel {}: one must divide the other", expert, tensor));
  if (model.moe.experts > 0 && model.moe.experts % expert != 0 && expert < model.moe.experts)
    r.error("expert_parallel", fmt::format("{} experts are not divisible by {}", model.moe.experts, expert));
}

Bytes inference_weights(const ModelSpec& model, const InferencePlan& plan) {
  const PlanSpec as_plan = layout(model, plan);
  RankWeights held;
  for (std::int64_t i = 0; i < model.layers; ++i) held += layer_weights(model, as_plan, model.layer_form(i));
  held += embedding_weights(model, as_plan);
  held += head_weights(model, as_plan);
  if (plan.speculative.tokens > 0 && model.mtp_layers > 0) {
    held += mtp_input_weights(model, as_plan);
    held += layer_weights(model, as_plan, model.layer_form(model.layers - 1));
  }
  const double kept = held.dense + held.experts - held.matrices;
  return held.matrices * bytes_per_element(plan.weight) + kept * bytes_per_element(Precision::kBf16);
}

double cache_capacity_tokens(const ModelSpec& model, const InferencePlan& plan, Bytes device_memory, double tokens) {
  const Bytes left = plan.memory_share * device_memory - inference_weights(model, plan) - plan.reserve;
  if (left.value() <= 0) return 0;
  const auto length = std::max<std::int64_t>(1, std::llround(tokens));
  return left / kv_cache(model, plan.cache, length, plan.tensor_parallel) * real(length);
}

}  // namespace supernode
