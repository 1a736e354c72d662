#include "workloads/layer_program.hpp"

namespace supernode {

namespace {

// Wholly, or only the parts that are cheap to make again.
void append_recomputed(const LayerParts& parts, Recompute recompute, std::vector<Op>& ops) {
  for (const LayerPart& part : parts) {
    const bool again = recompute == Recompute::kFull || (recompute == Recompute::kSelective && part.selective);
    if (!again) continue;
    for (Op op : part.forward) {
      op.recompute = true;
      op.name += ".recompute";
      ops.push_back(std::move(op));
    }
  }
}

}  // namespace

LayerParts layer_parts(const RankShape& shape, bool moe, EventSource& events) {
  LayerParts parts = attention_parts(shape, events);
  LayerParts rest = moe ? moe_parts(shape, events) : mlp_parts(shape, events);
  for (LayerPart& part : rest) parts.push_back(std::move(part));
  return parts;
}

void append_forward(const LayerParts& parts, std::vector<Op>& ops) {
  for (const LayerPart& part : parts) ops.insert(ops.end(), part.forward.begin(), part.forward.end());
}

void append_backward(const LayerParts& parts, Recompute recompute, std::vector<Op>& ops) {
  append_recomputed(parts, recompute, ops);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    ops.insert(ops.end(), part->backward.begin(), part->backward.end());
  }
}

}  // namespace supernode
