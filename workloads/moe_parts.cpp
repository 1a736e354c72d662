// The MLP half of a MoE layer. Tokens spread over the experts evenly (force-balanced routing, no token dropped), and a
// token goes once to each rank that holds any of its experts, where it is copied for each of them (DeepEP's
// dispatch and combine; DeepSeek-V3, arXiv 2412.19437, section 3.2.2).

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/mlp_parts.hpp"

namespace supernode {

namespace {

class MoeBuilder {
 public:
  MoeBuilder(const RankShape& shape, EventSource& events)
      : shape_(shape), moe_(shape.model.moe), plan_(shape.plan), events_(events) {}

  LayerParts build();

 private:
  double local(std::int64_t columns) const { return real(shape_.local_tokens) * real(columns); }
  // Rows this rank's experts work on, and distinct tokens among them: both as many as leave this rank on average.
  double expert_rows() const { return local(moe_.topk); }
  double distinct_rows() const {
    return local(1) * expected_distinct_bins(plan_.expert_parallel, moe_.experts, moe_.topk);
  }
  // The dispatched payload is already in the experts' precision.
  bool arrives_quantised() const {
    return shape_.quantised && plan_.dispatch == plan_.compute && plan_.expert_parallel > 1;
  }

  void router();
  void shared_experts();
  void dispatch();
  void routed_experts();
  void combine();
  Op exchange(const std::string& name, CollectiveOp op) const;
  Op dispatch_cast(const std::string& name) const;
  LayerPart copy_part(const std::string& name, bool spreads) const;

  const RankShape& shape_;
  const MoeSpec& moe_;
  const PlanSpec& plan_;
  EventSource& events_;
  LayerParts parts_;
};

// Scores in fp32, then gate function and top-k over [tokens, experts]: two reads and one write each way.
void MoeBuilder::router() {
  parts_.push_back(linear_part(shape_,
                               {.name = "moe.router",
                                .kind = LinearKind::kLocal,
                                .rows = shape_.local_tokens,
                                .in = shape_.model.hidden,
                                .out = moe_.experts,
                                .precision = Precision::kFp32},
                               events_));
  const Bytes scores = local(moe_.experts) * bytes_per_element(Precision::kFp32);
  LayerPart top_k;
  for (auto* ops : {&top_k.forward, &top_k.backward}) {
    const std::string name = ops == &top_k.forward ? "moe.topk" : "moe.topk.backward";
    ops->push_back(vector_op(name, ComputeClass::kPermute, VectorKind::kRouter, 2.0 * scores, scores));
  }
  parts_.push_back(top_k);
}

// Tensor-sharded like a dense MLP.
void MoeBuilder::shared_experts() {
  if (shape_.model.shared_width() == 0) return;
  append_mlp(shape_,
             {.prefix = "moe.shared", .rows = shape_.tokens, .width = shape_.model.shared_width() / shape_.tensor},
             events_, parts_);
}

// Dispatch carries plan.dispatch in both directions of the pass; combine stays in the activations' precision.
Op MoeBuilder::exchange(const std::string& name, CollectiveOp op) const {
  const Bytes element = op == CollectiveOp::kEpDispatch ? bytes_per_element(plan_.dispatch) : shape_.element;
  const CollectiveCall call{.op = op,
                            .bytes = local(shape_.model.hidden) * element,
                            .routing = {.topk = moe_.topk, .experts = moe_.experts, .node_limit = moe_.node_limit}};
  return comm_op(name, CommClass::kExpert, GroupKind::kExpert, call);
}

Op MoeBuilder::dispatch_cast(const std::string& name) const {
  const double elements = local(shape_.model.hidden);
  return vector_op(name, ComputeClass::kVector, VectorKind::kCast, elements * shape_.element,
                   elements * bytes_per_element(plan_.dispatch));
}

// Copies between distinct tokens and one row per token and expert: `spreads` forward, gathers them up backward; the
// part that gathers up forward does the reverse.
LayerPart MoeBuilder::copy_part(const std::string& name, bool spreads) const {
  const double hidden = real(shape_.model.hidden);
  const Bytes narrow = distinct_rows() * hidden * shape_.element, wide = expert_rows() * hidden * shape_.element;
  const Op spread = vector_op(name, ComputeClass::kPermute, VectorKind::kPermute, narrow, wide);
  const Op gather = vector_op(name, ComputeClass::kPermute, VectorKind::kPermute, wide, narrow);
  LayerPart part;
  part.forward.push_back(spreads ? spread : gather);
  part.backward.push_back(spreads ? gather : spread);
  part.backward.back().name += ".backward";
  return part;
}

void MoeBuilder::dispatch() {
  if (plan_.expert_parallel > 1) {
    LayerPart part;
    if (plan_.dispatch != shape_.activation) part.forward.push_back(dispatch_cast("moe.dispatch.cast"));
    part.forward.push_back(exchange("moe.dispatch", CollectiveOp::kEpDispatch));
    part.backward.push_back(exchange("moe.dispatch.backward", CollectiveOp::kEpCombine));
    parts_.push_back(part);
  }
  parts_.push_back(copy_part("moe.permute", true));
}

void MoeBuilder::routed_experts() {
  // All EP ranks' tokens over all experts, rounded up to whole rows.
  const std::int64_t copies = shape_.local_tokens * plan_.expert_parallel * moe_.topk;
  append_mlp(shape_,
             {.prefix = "moe.experts",
              .rows = (copies + moe_.experts - 1) / moe_.experts,
              .width = moe_.ffn,
              .groups = moe_.experts / plan_.expert_parallel,
              .tensor_sharded = false,
              .arrives_quantised = arrives_quantised()},
             events_, parts_);
}

// The gradient of the combined output travels like the input: a dispatch, in the dispatch precision
// (arXiv 2412.19437, section 3.3.3).
void MoeBuilder::combine() {
  parts_.push_back(copy_part("moe.unpermute", false));
  if (plan_.expert_parallel == 1) return;
  LayerPart part;
  part.forward.push_back(exchange("moe.combine", CollectiveOp::kEpCombine));
  if (plan_.dispatch != shape_.activation) part.backward.push_back(dispatch_cast("moe.combine.backward.cast"));
  part.backward.push_back(exchange("moe.combine.backward", CollectiveOp::kEpDispatch));
  parts_.push_back(part);
}

LayerParts MoeBuilder::build() {
  const double elements = local(shape_.model.hidden);
  parts_.push_back(norm_part(shape_, "moe.norm", elements));
  shared_experts();
  router();
  dispatch();
  routed_experts();
  combine();
  if (shape_.model.norms_per_layer > 3) parts_.push_back(norm_part(shape_, "moe.post_norm", elements));
  parts_.push_back(residual_part(shape_, "moe.residual"));
  return std::move(parts_);
}

}  // namespace

LayerParts moe_parts(const RankShape& shape, EventSource& events) { return MoeBuilder(shape, events).build(); }

}  // namespace supernode
