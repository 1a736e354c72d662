#include "workloads/layer_program.hpp"

#include <algorithm>

namespace supernode {

namespace {

bool made_again(const LayerPart& part, const PlanSpec& plan, Recompute recompute) {
  if (recompute != Recompute::kSelective) return recompute == Recompute::kFull;
  const auto chosen = [&](RecomputeModule module) { return recomputes(plan, module); };
  return (part.module && chosen(*part.module)) || std::any_of(part.within.begin(), part.within.end(), chosen);
}

// Wholly, or only the modules that the plan names.
void append_recomputed(const LayerParts& parts, const PlanSpec& plan, Recompute recompute, std::vector<Op>& ops) {
  for (const LayerPart& part : parts) {
    if (!made_again(part, plan, recompute)) continue;
    for (Op op : part.forward) {
      op.recompute = true;
      op.name += ".recompute";
      ops.push_back(std::move(op));
    }
  }
}

void append(const std::vector<Op>& ops, std::vector<Op>& to) { to.insert(to.end(), ops.begin(), ops.end()); }

}  // namespace

bool recomputes(const PlanSpec& plan, RecomputeModule module) {
  const auto& named = plan.recomputed.modules;
  if (!named.empty()) return std::find(named.begin(), named.end(), module) != named.end();
  using enum RecomputeModule;
  return module == kNorm || module == kActivation || module == kMlaUpProjection ||
         (module == kCoreAttention && !plan.flash_attention);
}

LayerParts layer_parts(const RankShape& shape, const LayerForm& form, EventSource& events) {
  LayerParts parts = attention_parts(shape, form, events);
  LayerParts rest = form.moe ? moe_parts(shape, form, events) : mlp_parts(shape, events);
  for (LayerPart& part : rest) parts.push_back(std::move(part));
  return parts;
}

void append_forward(const LayerParts& parts, std::vector<Op>& ops) {
  for (const LayerPart& part : parts) append(part.forward, ops);
}

void append_backward(const LayerParts& parts, const PlanSpec& plan, Recompute recompute, std::vector<Op>& ops) {
  append_recomputed(parts, plan, recompute, ops);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) append(part->backward, ops);
}

void append_backward_input(const LayerParts& parts, const PlanSpec& plan, Recompute recompute, std::vector<Op>& ops) {
  append_recomputed(parts, plan, recompute, ops);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    append(part->weight.empty() ? part->backward : part->input, ops);
  }
}

void append_backward_weight(const LayerParts& parts, std::vector<Op>& ops) {
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) append(part->weight, ops);
}

}  // namespace supernode
