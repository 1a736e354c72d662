#include "workloads/memory_states.hpp"

#include <algorithm>
#include <cassert>

#include "base/numeric.hpp"
#include "workloads/memory_stack.hpp"
#include "workloads/muon.hpp"
#include "workloads/optimizer_states.hpp"

namespace supernode {
namespace {

// Formats below the held one keep the weight and two quantised copies, one for each operand orientation (Transformer
// Engine, "Using FP8": Hopper's FP8 matrix units take transposed operands only; block formats scale along each axis).
constexpr double kQuantisedCopies = 2;

// Units gathered at a time: one at work, one on its way (PyTorch fully_shard prefetches one).
constexpr std::int64_t kGatheredLayers = 2;

// Sharded gradients are whole for two layers at a time: one whose gradients are made, one whose are reduced.
constexpr double kUnreducedLayers = 2;

Bytes held_weight(const PlanSpec& plan) {
  return max(bytes_per_element(plan.parameter), bytes_per_element(plan.compute));
}

// Parameters that are gathered quantised are held so, without a wider copy (Megatron-Core --fp8-param-gather,
// Transformer Engine fp8_model_init: primary weights in fp8). With block formats they are gathered in bf16 through the
// gradient buffer and quantised behind it (--reuse-grad-buf-for-mxfp8-param-ag).
bool has_narrow_weights(const PlanSpec& plan) {
  const bool gathered = bytes_per_element(plan.gather) < bytes_per_element(plan.parameter);
  return (gathered || plan.narrow_weights) && bytes_per_element(plan.compute) < held_weight(plan);
}

bool shards_parameters(const PlanSpec& plan) { return plan.zero_stage >= 3; }

std::vector<LayerForm> forms_of(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  std::vector<LayerForm> forms;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    const LayerRange range = layers_of(plan, model, stage, chunk);
    for (std::int64_t i = range.first; i < range.last; ++i) forms.push_back(model.layer_form(i));
  }
  return forms;
}

double parameters(const RankWeights& weights) { return weights.dense + weights.experts; }

// A bucket holds at least one tensor, however large; of a layer's or the embedding's parameters it is the most.
double largest_unit(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage,
                    const std::vector<LayerForm>& forms) {
  double most = has_embedding(plan, stage) ? parameters(embedding_weights(model, plan)) : 0;
  for (const LayerForm& form : forms) most = std::max(most, parameters(layer_weights(model, plan, form)));
  return most;
}

// The largest run of neighbouring layers, beside embedding and head, which PyTorch's root unit does not drop.
double parameters_at_work(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage,
                          const std::vector<LayerForm>& forms) {
  double most = 0;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    double run = 0;
    for (std::size_t k = i; k < std::min(forms.size(), i + kGatheredLayers); ++k) {
      run += parameters(layer_weights(model, plan, forms[k]));
    }
    most = std::max(most, run);
  }
  if (has_embedding(plan, stage)) most += parameters(embedding_weights(model, plan));
  if (has_head(plan, stage)) most += parameters(head_weights(model, plan));
  return most;
}

Bytes gathered_weights(const ModelSpec& model, const PlanSpec& plan, const RankWeights& held, std::int64_t stage,
                       const std::vector<LayerForm>& forms) {
  if (!shards_parameters(plan)) return Bytes(0);
  const Bytes element = min(bytes_per_element(plan.gather), held_weight(plan));
  return (plan.reshard_after_forward ? parameters_at_work(model, plan, stage, forms) : parameters(held)) * element;
}

// The largest single tensor of a stage, on one rank: embedding, head, or a layer's first MLP matrix. Experts are one
// tensor when they run as a grouped product, as all but those with a capacity do.
struct LargestTensor {
  double dense = 0, experts = 0;
};

LargestTensor largest_tensor(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage,
                             const std::vector<LayerForm>& forms) {
  const double halves = model.gated_mlp ? 2 : 1, hidden = real(model.hidden), tp = real(plan.tensor_parallel);
  LargestTensor largest;
  if (has_embedding(plan, stage) || has_head(plan, stage))
    largest.dense = real(padded_vocab(model, plan)) * hidden / tp;
  for (const LayerForm& form : forms) {
    if (!form.moe) {
      largest.dense = std::max(largest.dense, halves * real(model.ffn) * hidden / tp);
      continue;
    }
    const double local = plan.routing.capacity_factor > 0 ? 1 : real(model.moe.experts) / real(plan.expert_parallel);
    largest.experts = halves * real(model.moe.ffn) * hidden * local / real(plan.expert_tensor_parallel);
  }
  return largest;
}

// A rank updates a stretch of the flat buffer, which may hold less than the tensor.
Bytes updated_copy(const ModelSpec& model, const PlanSpec& plan, const RankWeights& held, std::int64_t stage,
                   const std::vector<LayerForm>& forms) {
  const LargestTensor largest = largest_tensor(model, plan, stage, forms);
  const double dense = std::min(largest.dense, held.trained.dense / real(dense_shards(plan)));
  const double experts = std::min(largest.experts, held.trained.experts / real(expert_shards(plan)));
  return Bytes(stack_memory(plan.stack).update_copy * std::max(dense, experts));
}

// Newton-Schulz on the largest matrix: X and its successor, X·Xᵀ and its square (muon.hpp), in bf16.
Bytes muon_matrices(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  double most = 0;
  for (const MuonMatrices& m : owned_matrices(model, plan, stage)) {
    most = std::max(most, 2 * real(m.rows) * real(m.columns) + 2 * real(m.rows) * real(m.rows));
  }
  return most * bytes_per_element(Precision::kBf16);
}

}  // namespace

void add_model_states(const PlanSpec& plan, const RankWeights& held, MemoryParts& parts) {
  assert(plan.data_parallel > 0);
  const StackMemory& stack = stack_memory(plan.stack);
  const Bytes weight = held_weight(plan), operand = bytes_per_element(plan.compute);
  const TrainedWeights& trained = held.trained;
  if (shards_parameters(plan)) {
    const bool is_master = stack.shard_is_master && has_master(plan);
    const double shard = held.dense / real(dense_shards(plan)) + held.experts / real(expert_shards(plan));
    parts.weights = is_master ? Bytes(0) : shard * weight;
  } else {
    parts.weights = (held.dense + held.experts) * weight;
    if (operand < weight) parts.weights += held.matrices * kQuantisedCopies * operand;
    if (has_narrow_weights(plan)) parts.weights -= held.matrices * weight;
  }
  parts.optimizer = (1 - plan.offload.optimizer) * optimizer_bytes(plan, trained);
  const double shard = trained.dense / real(dense_shards(plan)) + trained.experts / real(expert_shards(plan));
  parts.gradients = (plan.zero_stage >= 2 ? shard : trained.total()) * bytes_per_element(plan.gradient);
  if (stack.gradient_buckets && plan.replicas() > 1) parts.gradients += trained.total() * weight;
}

Bytes moments_on_device(const PlanSpec& plan, const RankWeights& held) {
  const Bytes masters = updated_parameters(plan, held.trained).total() * master_bytes(plan);
  return (1 - plan.offload.optimizer) * (optimizer_bytes(plan, held.trained) - masters);
}

TransientStates transient_states(const ModelSpec& model, const PlanSpec& plan, const RankWeights& held,
                                 std::int64_t stage) {
  const StackMemory& stack = stack_memory(plan.stack);
  const std::vector<LayerForm> forms = forms_of(model, plan, stage);
  const double trained = held.trained.total();
  const Bytes weight = held_weight(plan), gradient = bytes_per_element(plan.gradient);
  TransientStates states;
  states.gathered = gathered_weights(model, plan, held, stage, forms);
  if (plan.zero_stage >= 2) {
    const double layers = real(std::max<std::int64_t>(1, std::ssize(forms)));
    states.unreduced = std::min(1.0, kUnreducedLayers / layers) * trained * gradient;
  }
  if (stack.backward_gradients) states.gradients = trained * weight;
  if (stack.flat_exchange && plan.zero_stage >= 1 && plan.replicas() > 1) {
    const double copies = 1 + 1 / real(dense_shards(plan));  // whole, and this rank's shard
    states.reduced = copies * std::min(trained, largest_unit(model, plan, stage, forms)) * gradient;
    states.update = copies * trained * weight;
  }
  states.update = max(states.update, updated_copy(model, plan, held, stage, forms));
  if (plan.optimizer.kind == OptimizerKind::kMuon)
    states.update = max(states.update, muon_matrices(model, plan, stage));
  return states;
}

}  // namespace supernode
